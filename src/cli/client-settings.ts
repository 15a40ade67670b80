// Which broker, as whom and below which base topic: from flags, then the environment, then the user's file, then defaults. Every
// mistake says where it stands. Passwords come from a file or the environment and are never shown.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../ports/message-of.ts";
import type { Arguments } from "./arguments.ts";
import type { ClientFile } from "./client-file.ts";
import { type ClientTls, clientTls } from "./client-tls.ts";
import { CommandError } from "./exit-codes.ts";

export interface ClientSettings extends ClientTls {
  /** mqtt, mqtts, ws or wss; without user and password. */
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly base: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CommandError `usage` for what was given for this call, `configuration` for the user's file */
export async function clientSettings(args: Arguments, env: Environment): Promise<ClientSettings> {
  const { file, path } = await readClientFile(env);
  const pick = (option: string, variable: string, key: keyof ClientFile): Found | undefined =>
    found(args.value(option), `--${option}`) ??
    found(env[variable], variable) ??
    found(file[key], `${path}: ${key}`, "configuration");
  const url = pick("url", "LASTOUT_URL", "url");
  const base = pick("base", "LASTOUT_BASE", "base");
  const passwordFile = args.value("password-file");
  const { address, user } =
    url === undefined ? { address: "mqtt://127.0.0.1:1883", user: undefined } : brokerAddress(url);
  return {
    url: address,
    username: pick("username", "LASTOUT_USERNAME", "username")?.text ?? user,
    password:
      passwordFile === undefined
        ? (found(env["LASTOUT_PASSWORD"], "")?.text ?? file.password)
        : readPassword(passwordFile),
    base: base === undefined ? "lastout" : baseTopic(base),
    ...clientTls({ env, file, path }),
  };
}

/** A text and where it came from. */
interface Found {
  readonly text: string;
  readonly from: string;
  /** What it is when it is wrong. */
  readonly mistake: "usage" | "configuration";
}

/** An empty variable counts as unset, as CI systems set many of them empty. */
const found = (
  text: string | undefined,
  from: string,
  mistake: Found["mistake"] = "usage",
): Found | undefined => (text === undefined || text === "" ? undefined : { text, from, mistake });

function brokerAddress({ text, from, mistake }: Found): {
  readonly address: string;
  readonly user: string | undefined;
} {
  const wrong = (why: string): CommandError => new CommandError(mistake, `${from}: ${why}`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The text is not shown: it may hold a password all the same.
    throw wrong("this is no URL; write for example mqtt://broker.lab:1883");
  }
  if (url.password !== "") {
    throw wrong(
      "the URL holds a password; give it by --password-file FILE, LASTOUT_PASSWORD or client.yaml instead",
    );
  }
  if (url.protocol === "http:" || url.protocol === "https:") {
    throw wrong(
      "this release has no REST API; give the URL of the MQTT broker, for example mqtt://broker.lab:1883",
    );
  }
  if (!["mqtt:", "mqtts:", "ws:", "wss:"].includes(url.protocol) || url.host === "") {
    throw wrong(
      `'${url.protocol}' does not reach a broker; use mqtt://, mqtts://, ws:// or wss:// and a host`,
    );
  }
  const user = url.username === "" ? undefined : decoded(url.username);
  url.username = "";
  const plain = url.href;
  return { address: url.pathname === "/" ? plain.replace(/\/$/, "") : plain, user };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray % stands for itself.
  }
}

function baseTopic({ text, from, mistake }: Found): string {
  if (
    !/^[^/+#\p{Cc}$][^+#\p{Cc}]*$/u.test(text) ||
    text.endsWith("/") ||
    text.includes("//") ||
    Buffer.byteLength(text) > 128
  ) {
    throw new CommandError(
      mistake,
      `${from}: '${text}' is no base topic: like lastout or lab/lastout, without + # and empty levels, at most 128 bytes`,
    );
  }
  return text;
}

function readPassword(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError("usage", `--password-file: ${messageOf(error)}`, { cause: error });
  }
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line === "") {
    throw new CommandError("usage", `--password-file: the first line of ${path} is empty`);
  }
  return line;
}

async function readClientFile(
  env: Environment,
): Promise<{ readonly file: ClientFile; readonly path: string }> {
  // XDG Base Directory Specification: a relative path there is invalid and is ignored.
  const xdg = env["XDG_CONFIG_HOME"] ?? "";
  const path = join(xdg.startsWith("/") ? xdg : join(homeOf(env), ".config"), "lastout", "client.yaml");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") {
      return { file: {}, path };
    }
    throw new CommandError("configuration", `${path}: ${messageOf(error)}`, { cause: error });
  }
  if (/^(\s*(#.*)?(\r?\n|$))*$/.test(text)) {
    return { file: {}, path };
  }
  const { parseClientFile } = await import("./client-file.ts");
  return { file: parseClientFile(text, path), path };
}

const homeOf = (env: Environment): string => {
  const home = env["HOME"] ?? "";
  return home === "" ? homedir() : home;
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
