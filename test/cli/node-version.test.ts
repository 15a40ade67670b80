// What the program says when Node is too old for it. The version is made up by a module that is loaded first.

import { expect, test, vi } from "vitest";
import { cleanEnv, mainFile, startProgram } from "./processes.ts";

// Processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 30_000 });

async function withNode(
  version: string,
): Promise<{ readonly exit: number | string; readonly out: string; readonly err: string }> {
  const pretend = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`;
  const words = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, mainFile, "--version"];
  const run = startProgram(process.execPath, words, cleanEnv());
  const exit = await run.ended;
  return { exit, out: run.out(), err: run.err() };
}

test.each(["18.20.4", "20.20.2", "22.12.0"])(
  "Node %s is too old: one line says what is needed, exit 70",
  async (version) => {
    expect(await withNode(version)).toEqual({
      exit: 70,
      out: "",
      err: `lastout: needs Node 22.13 or newer; this is Node ${version}, see https://nodejs.org\n`,
    });
  },
);

test.each(["22.13.0", "23.0.0", "24.21.0"])("Node %s will do", async (version) => {
  expect(await withNode(version)).toMatchObject({ exit: 0, err: "" });
});
