// Kill a process that has a store at a chosen write, sync or rename of its files, with strace. For the tests of crashes.

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const storeFile = fileURLToPath(new URL("./store-process.ts", import.meta.url));
const suffixes = ["", "-wal", ".new", ".new-wal", ".v1.bak.new"];

/** The `when`th of these system calls; strace counts each one by itself. */
export interface KillPoint {
  readonly call: string;
  readonly when: number;
}

/**
 * All syncs and renames, and some of the writes, that a whole run of `store-process.ts` does on its store's files.
 * @param path of the store as it is before the run; the run changes it
 */
export function killPoints(path: string, commits: number): KillPoint[] {
  const output = `${path}.calls`;
  strace(path, commits, ["-o", output, "-e", "trace=pwrite64,write,fdatasync,fsync,rename,ftruncate"]);
  const counts = new Map<string, number>();
  for (const [, call = ""] of readFileSync(output, "utf8").matchAll(/^\d+ +(\w+)\(/gm)) {
    counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  rmSync(output);
  return [...counts].flatMap(([call, count]) => {
    // Writes are many, and most of them are pages of one commit.
    const step = call.includes("write") ? 5 : 1;
    return Array.from({ length: Math.ceil(count / step) }, (_, i) => ({ call, when: 1 + i * step }));
  });
}

/** @returns what the process had said when it was killed */
export function killAt(path: string, commits: number, { call, when }: KillPoint): string {
  const { stdout, signal } = strace(path, commits, [
    "-o",
    "/dev/null",
    "-e",
    `inject=${call}:signal=KILL:when=${when}`,
  ]);
  if (signal !== "SIGKILL") {
    throw new Error(`the process came to its end before ${call} number ${when}`);
  }
  return stdout;
}

const strace = (path: string, commits: number, how: readonly string[]) =>
  spawnSync(
    "strace",
    [
      "-f",
      "--seccomp-bpf",
      ...suffixes.flatMap((suffix) => ["-P", path + suffix]),
      ...how,
      process.execPath,
      storeFile,
      path,
      String(commits),
      "end",
    ],
    { encoding: "utf8" },
  );
