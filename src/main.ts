#!/usr/bin/env node
// The program's entry: says in one line what it needs when Node is too old, else hands argv to the command line. It imports nothing
// by itself, so that every Node that knows modules can load it.

/** `node:sqlite` without a flag, and requiring modules, came with 22.13. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `lastout: needs Node 22.13 or newer; this is Node ${process.versions.node}, see https://nodejs.org\n`,
  );
  process.exitCode = 70;
} else {
  const { runCommandLine } = await import("./cli/command-line.ts");
  process.exitCode = await runCommandLine(process.argv.slice(2));
}
