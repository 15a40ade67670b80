#!/usr/bin/env node
// The program's entry: says in one line what it needs when Node is too old, else hands argv to the command line. It imports nothing
// that an old Node does not have, so that every Node that knows modules can load it.

import { cacheFolder } from "./cli/cache-folder.ts";
import { loadKeptCode } from "./cli/kept-code.ts";

/** `node:sqlite` without a flag, and requiring modules, came with 22.13. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `lastout: needs Node 22.13 or newer; this is Node ${process.versions.node}, see https://nodejs.org\n`,
  );
  process.exitCode = 70;
} else {
  void start();
}

async function start(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === "serve" && !argv.includes("--demo")) {
    // It asks to read the configuration again, which was not read yet. Listened to later (runtime/reload-signal.ts), and never its end.
    process.on("SIGHUP", () => {});
  }
  // A controller is not started so often.
  if (argv[0] !== "serve") {
    loadKeptCode(import.meta.dirname, cacheFolder(process.env), { argv, env: process.env });
  }
  const { runCommandLine } = await import("./cli/command-line.ts");
  process.exitCode = await runCommandLine(argv);
}
