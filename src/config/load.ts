// From a file to a checked, frozen configuration, or to all mistakes in it at once. The order of the work stands here; each
// step has its own file.

import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { assemble } from "./assemble.ts";
import type { Config } from "./config.ts";
import { atValue, explain, type Finding, unworded } from "./explain.ts";
import { type ReadFile, readLocalFile } from "./local-file.ts";
import { inFileOrder, isSecretKey, type Mistake, type Path, pathText } from "./mistakes.ts";
import { readNamedFiles } from "./named-files.ts";
import type { Places, Spot } from "./places.ts";
import { mistakesIn, warningsFor } from "./rules.ts";
import { fileSchema } from "./schema.ts";
import { replaceSecrets } from "./secrets.ts";
import { subjectOf } from "./subject.ts";
import { readYaml } from "./yaml.ts";

export interface ConfigSource {
  /** As the user named it: absolute, or relative to where the program was started. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: the files of this machine. */
  readonly readFile?: ReadFile;
  /** For the default of `mqtt.clientId`. Default: this machine's. */
  readonly hostName?: string;
}

export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** A thousand resources are about 200 KiB. */
export const largestFile = 1_048_576;

export function loadConfig({
  file,
  env,
  readFile = readLocalFile,
  hostName = hostname(),
}: ConfigSource): Loaded {
  const wholeFile = (message: string): Mistake => ({
    file,
    line: 0,
    column: 0,
    path: "",
    message,
    snippet: "",
  });
  const read = readFile(resolve(file), largestFile);
  if (!read.ok) {
    return { ok: false, mistakes: [wholeFile(`the file cannot be read: ${read.why}`)] };
  }
  const lines = read.text.split(/\r\n?|\n/);
  const mistakeAt = (spot: Spot, path: string, message: string, secret: boolean): Mistake => ({
    file,
    line: spot.line,
    column: spot.column,
    path,
    message,
    snippet: secret ? "" : showable(lines[spot.line - 1] ?? ""),
  });

  const yaml = readYaml(read.text);
  const yamlMistakes = yaml.mistakes.map(({ path, message, ...spot }) =>
    mistakeAt(spot, path, message, false),
  );
  if (yaml.document === undefined) {
    return { ok: false, mistakes: inFileOrder(yamlMistakes) };
  }
  const { value: raw, places } = yaml.document;
  const folder = dirname(resolve(file));
  const replaced = replaceSecrets(raw, { env, readFile, folder });
  const { redact, redactWords, texts: secrets } = replaced.secrets;
  const unreplaced = new Set(replaced.mistakes.map(({ path }) => pathText(path)));
  const placed = (findings: readonly Finding[]): readonly Mistake[] =>
    findings
      .filter(({ path }) => !unreplaced.has(pathText(path)))
      .map(({ path, at, message }) =>
        mistakeAt(spotOf(places, path, at), pathText(path), message, isSecretKey(path.at(-1))),
      );
  const redacted = (findings: readonly Finding[]): readonly Finding[] =>
    findings.map((finding) => ({ ...finding, message: redact(finding.message) }));

  const parsed = fileSchema.safeParse(replaced.value, unworded);
  const issues = explain(parsed.error?.issues ?? [], raw, redactWords);
  const formMistakes = [
    ...yamlMistakes,
    ...replaced.mistakes.map(({ path, message }) =>
      mistakeAt(places.value(path), pathText(path), message, isSecretKey(path.at(-1))),
    ),
    ...placed(issues),
  ];
  const subject = subjectOf(replaced.value, issues);
  if (subject === undefined) {
    return { ok: false, mistakes: inFileOrder(formMistakes) };
  }
  const named = readNamedFiles(subject.values, folder, readFile);
  const ruleMistakes = placed(redacted([...mistakesIn(subject), ...named.mistakes]));
  const mistakes = [...formMistakes, ...ruleMistakes];
  if (mistakes.length > 0) {
    return { ok: false, mistakes: inFileOrder(mistakes) };
  }
  const warnings = [
    ...warningsFor(subject),
    ...named.warnings,
    ...replaced.openFiles.map(({ path, message }) => atValue(path, message)),
    ...(read.open ? literalSecrets(raw) : []),
  ];
  return {
    ok: true,
    config: assemble({
      file,
      folder,
      hostName,
      values: subject.values,
      pems: named.texts,
      secrets,
    }),
    warnings: inFileOrder(placed(redacted(warnings))),
  };
}

/** Where `serve` looks without `--config`, in this order. */
export function configPlaces(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): readonly string[] {
  const { XDG_CONFIG_HOME: xdg = "", HOME: home = "" } = env;
  // The XDG base directory specification 0.8 says that a relative path is to be ignored.
  const own = isAbsolute(xdg) ? xdg : isAbsolute(home) ? join(home, ".config") : undefined;
  return [
    join(cwd, "lastout.yaml"),
    ...(own === undefined ? [] : [join(own, "lastout", "lastout.yaml")]),
    "/etc/lastout/lastout.yaml",
  ];
}

/** @returns the first of `configPlaces` that exists; `undefined` when none does */
export const findConfigFile = (
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  exists: (path: string) => boolean = existsSync,
): string | undefined => configPlaces(env, cwd).find((path) => exists(path));

/** A line of the file that may be shown: not one with a password in it. */
const showable = (line: string): string => (isSecretKey(line) || /:\/\/[^\s/]*@/.test(line) ? "" : line);

function spotOf(places: Places, path: Path, at: Finding["at"]): Spot {
  return at === "key" ? places.key(path) : places.value(path);
}

/** Passwords that stand in the file itself. */
function literalSecrets(raw: unknown, path: Path = []): readonly Finding[] {
  if (typeof raw === "string") {
    const message =
      "a password stands in a file that others than its owner may read; chmod 600 it, or write ${ENV_NAME} or ${file:/run/secrets/x}";
    return isSecretKey(path.at(-1)) && !/\$\{[^}]*\}/.test(raw) ? [{ path, at: "key", message }] : [];
  }
  if (typeof raw !== "object" || raw === null) {
    return [];
  }
  return Object.entries(raw).flatMap(([key, value]) => literalSecrets(value, [...path, key]));
}
