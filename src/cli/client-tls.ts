// The files for a connection with TLS: whom to trust, and who we are. From the environment, else from the user's file; read here, so that
// a wrong path is told as such and not as a failure of TLS. There are no options for them: they belong to a machine, not to one call.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../ports/message-of.ts";
import { CommandError } from "./exit-codes.ts";

/** PEM texts. */
export interface ClientTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface TlsSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly [Key in keyof ClientTls]?: string | undefined };
  /** Of the user's file. Paths in it are relative to its folder. */
  readonly path: string;
}

const variables = { ca: "LASTOUT_CA", cert: "LASTOUT_CERT", key: "LASTOUT_KEY" } as const;

/** @throws CommandError `usage` for the environment, `configuration` for the user's file */
export function clientTls(sources: TlsSources): ClientTls {
  const read = (what: keyof ClientTls): string | undefined => {
    const named = placeOf(what, sources);
    return named === undefined ? undefined : readPem(named);
  };
  const tls = { ca: read("ca"), cert: read("cert"), key: read("key") };
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const [there, missing] = tls.cert === undefined ? (["key", "cert"] as const) : (["cert", "key"] as const);
    const { from, code } = placeOf(there, sources) ?? { from: there, code: "usage" };
    throw new CommandError(
      code,
      `${from}: needs the ${missing} beside it (${variables[missing]}, or '${missing}' in the file)`,
    );
  }
  return tls;
}

interface Place {
  readonly file: string;
  /** For messages. */
  readonly from: string;
  readonly code: "usage" | "configuration";
}

function placeOf(what: keyof ClientTls, { env, file, path }: TlsSources): Place | undefined {
  const variable = env[variables[what]] ?? "";
  if (variable !== "") {
    return { file: variable, from: variables[what], code: "usage" };
  }
  const named = file[what] ?? "";
  return named === ""
    ? undefined
    : { file: resolve(path, "..", named), from: `${path}: ${what}`, code: "configuration" };
}

function readPem({ file, from, code }: Place): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(code, `${from}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (!text.includes("-----BEGIN ")) {
    throw new CommandError(code, `${from}: ${file} is not in PEM form (-----BEGIN ...)`);
  }
  return text;
}
