// The files that a configuration names: TLS material, which is read, the broker's password file, which must be there, and the files
// for shutdowns, which are only looked at.

import { resolve } from "node:path";
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
  const pem = (field: "ca" | "cert" | "key", kind: string): string | undefined => {
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
    if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(read.text)) {
      mistakes.push({
        path,
        at: "value",
        message: `the file ${quote(file)} holds no ${kind.toLowerCase()} in PEM form (-----BEGIN ...)`,
      });
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
  if (broker?.users !== undefined) {
    const file = resolve(folder, broker.users);
    const read = readFile(file, largest);
    if (!read.ok) {
      mistakes.push({
        path: ["broker", "users"],
        at: "value",
        message: `${cannotRead(file, read.why)}; 'mosquitto_passwd -c FILE USER' makes one`,
      });
    }
  }
  for (const [name, { shutdown }] of Object.entries(resources)) {
    warnings.push(...shutdownFiles(shutdown, ["resources", name, "shutdown"], readFile));
  }
  return { texts, mistakes, warnings };
}

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
