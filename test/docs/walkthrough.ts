// Types what stands on a page, as its reader would, and gives back what was seen beside what is shown. Blocks `sh` are typed whole, of
// plain blocks the lines after `$`; what needs hands, systemd or the network is marked so behind `sh` and left out. Not what must be equal.

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { cleanEnv, mainFile } from "../cli/processes.ts";
import type { Block } from "./pages.ts";

export interface Place {
  /** What stands on the page, and what is typed in its place. */
  readonly instead: readonly (readonly [string | RegExp, string])[];
  /** Files that the reader has, relative to the folder in which commands are typed, and their text. */
  readonly files: Readonly<Record<string, string>>;
}

export interface Seen {
  readonly typed: string;
  readonly shown: readonly string[];
  readonly seen: readonly string[];
}

/** @param place may be made for the folder, which is gone at the end */
export async function walk(
  blocks: readonly Block[],
  placeIn: (folder: string) => Place,
): Promise<readonly Seen[]> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-walk-"));
  const { instead, files } = placeIn(folder);
  const adapted = (text: string): string => instead.reduce((so, [from, to]) => so.replaceAll(from, to), text);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  };
  for (const [name, text] of Object.entries(files)) {
    write(name, text);
  }
  write("bin/lastout", `#!/bin/sh\nexec "${process.execPath}" "${mainFile}" "$@"\n`);
  chmodSync(join(folder, "bin", "lastout"), 0o755);
  const path = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
  const env = cleanEnv({ PATH: path, HOME: folder, XDG_CONFIG_HOME: join(folder, ".config"), TERM: "xterm" });
  const running: Running[] = [];
  const all: Seen[] = [];
  try {
    for (const { kind, text } of blocks) {
      if (kind === "yaml") {
        write("lastout.yaml", adapted(text));
      } else if (kind === "yaml client") {
        // Not `write`: its folder is for the page to make.
        writeFileSync(join(folder, ".config", "lastout", "client.yaml"), adapted(text), { mode: 0o600 });
      } else {
        for (const { typed, shown } of kind === "sh" ? [{ typed: text, shown: [] }] : stepsOf(text)) {
          const command = adapted(typed);
          if (/^lastout serve\b/.test(typed)) {
            await endAll(running);
            const served = begin(command, folder, env);
            running.push(served);
            await eventually(
              `'${typed}' serves`,
              () => served.child.exitCode !== null || /Connected to the broker(?! for)/.test(served.text()),
              15_000,
            );
            if (served.child.exitCode !== null) {
              throw new Error(`'${typed}' ended: ${asSeen(served.text()).join("\n")}`);
            }
          } else if (typed.endsWith("./measure.sh")) {
            running.push(begin(command, folder, env));
            await eventually("measure.sh runs", async () => {
              const { text: tokens } = await toItsEnd("lastout tokens basestation", folder, env);
              return tokens.includes("exclusive");
            });
          } else if (!/^(?:nano|mosquitto_passwd)\b/.test(typed)) {
            const { text: seen } = await toItsEnd(command, folder, env);
            all.push({ typed, shown, seen: asSeen(seen) });
          }
        }
      }
    }
    return all;
  } finally {
    await endAll(running);
    rmSync(folder, { recursive: true });
  }
}

interface Step {
  readonly typed: string;
  readonly shown: readonly string[];
}

/** Of a plain block: each line after `$`, with the lines below it. */
export function stepsOf(text: string): readonly Step[] {
  return text
    .split(/^\$ /m)
    .slice(text.startsWith("$ ") ? 1 : text.length)
    .map((part) => {
      const [typed = "", ...shown] = part.trimEnd().split("\n");
      return { typed, shown };
    });
}

interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly ended: Promise<void>;
}

/** On a terminal of its own, where output is as a person sees it: script(1) of Debian's bsdutils. */
function begin(command: string, folder: string, env: Readonly<Record<string, string>>): Running {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: folder,
    env: { ...env, SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined); // It has ended by itself.
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      resolve();
    });
  });
  return { child, text: () => text, ended };
}

async function toItsEnd(
  command: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly text: string }> {
  const run = begin(command, folder, env);
  await run.ended;
  return { text: run.text() };
}

/** By Ctrl-C, as a reader ends it. */
async function endAll(running: Running[]): Promise<void> {
  for (const { child, ended } of running.splice(0)) {
    child.stdin?.write("\u0003");
    await ended;
  }
}

/** What is left on the screen: no colours, and of a line that was overwritten the last. */
export const asSeen = (text: string): readonly string[] =>
  text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) =>
      line
        .replace(/^.*\r?\u001B\[2K/s, "") // oxlint-disable-line no-control-regex -- the terminal's "erase line"
        .replaceAll(/\u001B\[[0-9;]*m|\r/g, "") // oxlint-disable-line no-control-regex -- its colours
        .trimEnd(),
    )
    .filter((line) => line !== "");

/** Times, readings, and names that are made up. */
export const withoutWhatDiffers = (line: string): string =>
  line
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\d+ s ago/g, "AGO")
    .replaceAll(/\b(in|for) \d+ (?:s|min)\b/g, "$1 N")
    .replaceAll(/[\d.]+ (k?Wh?)\b/g, "N $1")
    .replaceAll(/\/\S*\/lastout\.yaml/g, "lastout.yaml")
    .replaceAll(/\bcli-[\w.-]+/g, "cli-ID")
    .replaceAll(/mqtt:\/\/[\w.]+(?::\d+)?/g, "BROKER")
    .replaceAll(new RegExp(`\\b${userInfo().username}\\b`, "g"), "laforge")
    .replaceAll(/ {2,}/g, "  ")
    .trimEnd();
