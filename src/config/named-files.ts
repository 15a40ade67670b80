// The files that a configuration names: TLS material, which is read, and the broker's password file, which must be there.

import { resolve } from "node:path";
import type { Pems } from "./assemble.ts";
import type { Finding } from "./explain.ts";
import type { ReadFile } from "./local-file.ts";
import type { FileValues } from "./schema.ts";

/** A chain of certificates is some kilobytes; a bundle of all authorities of the world about 250. */
const largest = 1_048_576;

export function readNamedFiles(
  { mqtt, broker }: FileValues,
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
    const read = readFile(resolve(folder, name), largest);
    if (!read.ok) {
      mistakes.push({ path, at: "value", message: `the file cannot be read: ${read.why}` });
      return undefined;
    }
    if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(read.text)) {
      mistakes.push({
        path,
        at: "value",
        message: `the file holds no ${kind.toLowerCase()} in PEM form (-----BEGIN ...)`,
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
    const read = readFile(resolve(folder, broker.users), largest);
    if (!read.ok) {
      mistakes.push({
        path: ["broker", "users"],
        at: "value",
        message: `the password file cannot be read: ${read.why}`,
      });
    }
  }
  return { texts, mistakes, warnings };
}
