// Replaces `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in the text values of a configuration, and remembers what
// was put in, so that no message and no log shows it. Keys are left alone, and what was put in is not looked at again.

import { isAbsolute, join } from "node:path";
import { nearestName } from "../core/names.ts";
import type { ReadFile } from "./local-file.ts";
import { isSecretKey, type Path, quote } from "./mistakes.ts";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
  /** What relative paths are relative to: the folder of the configuration file. */
  readonly folder: string;
}

export interface Replaced {
  readonly value: unknown;
  readonly mistakes: readonly SecretMistake[];
  /** Files that others than their owner may read. */
  readonly openFiles: readonly SecretMistake[];
  readonly secrets: Secrets;
}

interface SecretMistake {
  readonly path: Path;
  readonly message: string;
}

interface Secrets {
  /** What must not be shown: everything that was put in and has at least 4 characters, and the values of password keys however short. */
  readonly texts: readonly string[];
  /** The text with what was put in taken out again: `${NAME}` stands in its place. */
  readonly redact: (text: string) => string;
  /** The same, and words of what was put in are taken out as well: for sentences that may quote a part of it. */
  readonly redactWords: (text: string) => string;
}

/** A secret file is a line or a key, not a disk image. */
const largestSecret = 65_536;

export function replaceSecrets(raw: unknown, surroundings: Surroundings): Replaced {
  const mistakes: SecretMistake[] = [];
  const openFiles: SecretMistake[] = [];
  const origins = new Map<string, string>();
  const hidden = new Set<string>();

  const replaceText = (text: string, path: Path): string => {
    let put = false;
    const result = text.replaceAll(reference, (whole: string, inner: string | undefined) => {
      if (whole === "$${") {
        return "${";
      }
      const found = lookUp(whole, inner, surroundings);
      if ("message" in found) {
        mistakes.push({ path, message: found.message });
        return "";
      }
      if (found.open) {
        openFiles.push({
          path,
          message: `others than its owner may read the secret behind ${quote(whole)}; chmod 600 it`,
        });
      }
      if (found.secret && found.text !== "") {
        put = true;
        origins.set(found.text, whole);
        if (found.text.length >= 4) {
          hidden.add(found.text);
        }
      }
      return found.text;
    });
    if (put) {
      origins.set(result, text);
    }
    if (isSecretKey(path.at(-1)) && result !== "") {
      hidden.add(result);
    }
    return result;
  };

  const replace = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      return replaceText(value, path);
    }
    if (Array.isArray(value)) {
      return value.map((item: unknown, index) => replace(item, [...path, index]));
    }
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, replace(item, [...path, key])]),
      );
    }
    return value;
  };

  const value = replace(raw, []);
  const redact = redactor(origins);
  return {
    value,
    mistakes,
    openFiles,
    secrets: { texts: [...hidden], redact, redactWords: wordRedactor(origins, redact) },
  };
}

/** `$${` is an escaped `${`; a reference that is not closed is found, too, to be told. */
const reference = /\$\$\{|\$\{([^}]*)\}?/g;

type Found =
  | { readonly text: string; readonly secret: boolean; readonly open: boolean }
  | { readonly message: string };

function lookUp(whole: string, inner: string | undefined, { env, readFile, folder }: Surroundings): Found {
  if (inner === undefined || !whole.endsWith("}")) {
    return { message: "'${' is not closed with '}'; write '$${' where '${' itself is meant" };
  }
  if (inner.includes("${")) {
    return { message: `${quote(whole)}: references cannot stand within one another` };
  }
  if (inner.startsWith("file:")) {
    const file = inner.slice("file:".length);
    if (file === "") {
      return { message: "'${file:}' names no file; write ${file:/run/secrets/name}" };
    }
    const read = readFile(isAbsolute(file) ? file : join(folder, file), largestSecret);
    if (!read.ok) {
      return { message: `the file of ${quote(whole)} cannot be read: ${read.why}` };
    }
    // Docker and Podman mount secrets for all users of the container, by default; systemd's credentials let the service's user in by an
    // access list, whose mask shows as the group's rights.
    const mayBeOpen = file.startsWith("/run/secrets/") || file.startsWith("/run/credentials/");
    return { text: read.text.replace(/\r?\n$/, ""), secret: true, open: read.open && !mayBeOpen };
  }
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? [];
  if (name === undefined) {
    return {
      message: `${quote(whole)} is none of \${NAME}, \${NAME:-default}, \${file:/path}; write '$\${' where '\${' itself is meant`,
    };
  }
  const set = Object.hasOwn(env, name) ? env[name] : undefined;
  // As in a shell: `:-` also stands in for a variable that is set but empty.
  if (fallback !== undefined && (set === undefined || set === "")) {
    return { text: fallback, secret: false, open: false };
  }
  if (set === undefined) {
    const near = nearestName(name, Object.keys(env));
    const meant = near === undefined ? "" : `; did you mean '${near}'?`;
    return {
      message: `the environment has no variable ${quote(name)}${meant || `; set it, or give a default: \${${name}:-default}`}`,
    };
  }
  return { text: set, secret: true, open: false };
}

/**
 * Longest first, so that a secret within a secret does not leave the rest. In quotes in any case (there it may be shortened);
 * elsewhere only from 4 characters on, or every `a` of a sentence might have to go.
 */
function redactor(origins: ReadonlyMap<string, string>): (text: string) => string {
  const all = [...origins].toSorted(([a], [b]) => b.length - a.length);
  return (text) =>
    all.reduce((rest, [secret, origin]) => {
      const unquoted = rest.replaceAll(quote(secret), () => quote(origin));
      return secret.length < 4 ? unquoted : unquoted.replaceAll(secret, () => origin);
    }, text);
}

function wordRedactor(
  origins: ReadonlyMap<string, string>,
  redact: (text: string) => string,
): (text: string) => string {
  const words = new Set([...origins.keys()].flatMap((secret) => secret.match(/[\p{L}\p{N}]{4,}/gu) ?? []));
  return (text) => [...words].reduce((rest, word) => rest.replaceAll(word, "..."), redact(text));
}
