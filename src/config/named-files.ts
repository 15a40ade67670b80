// The files that a configuration names: TLS material, which is read, the broker's password file, whose users must be whole, and the files
// for shutdowns, which are only looked at.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { parsePasswd } from "../adapters/broker/passwd.ts";
import type { Pems } from "./assemble.ts";
import type { Finding } from "./explain.ts";
import type { ReadFile } from "./local-file.ts";
import { type Path, quote } from "./mistakes.ts";
import type { FileValues } from "./schema.ts";

/** A chain of certificates is some kilobytes; a bundle of all authorities of the world about 250. */
const largest = 1_048_576;

export function readNamedFiles(
  { mqtt, broker, resources }: FileValues,
  folder: string,
  readFile: ReadFile,
): { readonly texts: Pems; readonly mistakes: readonly Finding[]; readonly warnings: readonly Finding[] } {
  const mistakes: Finding[] = [];
  const warnings: Finding[] = [];
  const pem = (field: "ca" | "cert" | "key", kind: PemKind): string | undefined => {
    const name = mqtt[field];
    if (name === undefined) {
      return undefined;
    }
    const path = ["mqtt", field];
    const file = resolve(folder, name);
    const read = readFile(file, largest);
    if (!read.ok) {
      mistakes.push({ path, at: "value", message: cannotRead(file, read.why) });
      return undefined;
    }
    const flaw = pemFlaw(read.text, kind);
    if (flaw !== undefined) {
      mistakes.push({ path, at: "value", message: `the file ${quote(file)} ${flaw}` });
    }
    if (field === "key" && read.open) {
      warnings.push({
        path,
        at: "value",
        message: "others than its owner may read this private key; chmod 600 it",
      });
    }
    return read.text;
  };
  const texts = {
    ca: pem("ca", "CERTIFICATE"),
    cert: pem("cert", "CERTIFICATE"),
    key: pem("key", "PRIVATE KEY"),
  };
  if (
    mistakes.length === 0 &&
    texts.cert !== undefined &&
    texts.key !== undefined &&
    !isPair(texts.cert, texts.key)
  ) {
    mistakes.push({
      path: ["mqtt", "key"],
      at: "value",
      message: "is not the key of the certificate mqtt.cert",
    });
  }
  if (broker?.users !== undefined) {
    const file = resolve(folder, broker.users);
    const read = readFile(file, largest);
    if (!read.ok) {
      mistakes.push({
        path: ["broker", "users"],
        at: "value",
        message: `${cannotRead(file, read.why)}; 'mosquitto_passwd -c FILE USER' makes one`,
      });
    } else {
      const flaws = usersFlaws(read.text, mqtt.url === undefined ? mqtt.username : undefined);
      mistakes.push(
        ...flaws.map(
          (flaw): Finding => ({
            path: ["broker", "users"],
            at: "value",
            message: `the file ${quote(file)}${flaw}`,
          }),
        ),
      );
    }
  }
  for (const [name, { shutdown }] of Object.entries(resources)) {
    warnings.push(...shutdownFiles(shutdown, ["resources", name, "shutdown"], readFile));
  }
  return { texts, mistakes, warnings };
}

type PemKind = "CERTIFICATE" | "PRIVATE KEY";

function pemFlaw(text: string, kind: PemKind): string | undefined {
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text)) {
    return `holds no ${kind.toLowerCase()} in PEM form (-----BEGIN ...)`;
  }
  if (kind === "CERTIFICATE") {
    return certificateOf(text) === undefined ? "holds a certificate that is damaged" : undefined;
  }
  if (/ENCRYPTED/.test(text)) {
    return "holds a key with a passphrase, which nobody is there to type; 'openssl pkey -in FILE -out NEW' makes one without";
  }
  return keyOf(text) === undefined ? "holds a private key that is damaged" : undefined;
}

/** The first of a bundle or a chain. */
const certificateOf = (text: string): X509Certificate | undefined => parsed(() => new X509Certificate(text));

const keyOf = (text: string): KeyObject | undefined => parsed(() => createPrivateKey(text));

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined; // the library's words are about ASN.1
  }
}

function isPair(cert: string, key: string): boolean {
  const privateKey = keyOf(key);
  return privateKey !== undefined && certificateOf(cert)?.checkPrivateKey(privateKey) === true;
}

/** @param own the user that lastout itself logs in with */
function usersFlaws(text: string, own: string | undefined): string[] {
  const { users, bad } = parsePasswd(text);
  const shown = bad.slice(0, mostFlaws).map(({ line, what }) => `, line ${line}: ${what}`);
  if (bad.length > mostFlaws) {
    shown.push(` has ${bad.length - mostFlaws} more such lines`);
  }
  if (bad.length === 0 && users.size === 0) {
    return [" has no user, so that nobody could log in; 'mosquitto_passwd FILE USER' adds one"];
  }
  return bad.length > 0 || own === undefined || users.has(own)
    ? shown
    : [` does not have the user ${quote(own)} (mqtt.username), so that lastout itself could not log in`];
}

const mostFlaws = 5;

/** With the whole path: a relative one begins at the folder of the configuration. */
const cannotRead = (file: string, why: string): string => `the file ${quote(file)} cannot be read: ${why}`;

/**
 * Whoever shuts a machine down reads these files, when it is due. No mistakes, because the check may run as another user than the
 * one who is to read them, whose home folder `~` is, too.
 */
function shutdownFiles(
  shutdown: FileValues["resources"][string]["shutdown"],
  path: Path,
  readFile: ReadFile,
): Finding[] {
  const look = (field: string, file: string | undefined, isKey: boolean): Finding[] => {
    const read = file?.startsWith("/") === true ? readFile(file, largest) : undefined;
    if (read === undefined || (read.ok && !(isKey && read.open))) {
      return [];
    }
    // OpenSSH, authfile.c, sshkey_perm_ok: a key is not used when its group or others have any right to it.
    const message = read.ok
      ? "others than its owner may read this private key, so that ssh does not use it; chmod 600 it"
      : `the file cannot be read: ${read.why}; without it the shutdown fails`;
    return [{ path: [...path, field], at: "value", message }];
  };
  if (shutdown === undefined || shutdown === "none") {
    return [];
  }
  switch (shutdown.type) {
    case "ssh":
      return [
        ...look("identity", shutdown.identity, true),
        // With acceptNew the client makes it.
        ...(shutdown.acceptNew ? [] : look("knownHosts", shutdown.knownHosts, false)),
      ];
    case "http":
      return look("ca", shutdown.ca, false);
    case "exec":
    case "mqtt":
      return [];
  }
}
