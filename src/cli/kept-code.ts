// What V8 made of the program's sources, kept from one call of a command to the next: a command lives for milliseconds, and most of them
// would go into compiling. Only for the packed program, where all that a command needs is one file. Nothing depends on it: where it is
// missing, damaged, or of another build or Node, the file is read and compiled as ever.
//
// `module.enableCompileCache` of Node keeps what was compiled when a file was loaded; this keeps the functions that ran, too, which is
// most of it (docs/benchmark.md, "Start-up of commands").

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import { isOurs } from "./cache-folder.ts";
import type { Environment } from "./client-settings.ts";

/** How the build names the file: by its content, so that what was kept of another file is never taken for it. No source is named so. */
const packed = /^packed-[\w-]+\.js$/;
/** Where what was kept of one build and one Node lies. */
const ofOneBuild = /^packed-[\w-]+-v\d+\.\d+\.\d+[\w.-]*$/;

/**
 * Load the packed file with what was kept of it, so that whoever requires it finds it loaded.
 * @param here the folder of the program
 * @param cache the folder below which to keep things, which need not be there; `undefined`: nowhere
 */
export function loadKeptCode(
  here: string,
  cache: string | undefined,
  { argv, env }: { readonly argv: readonly string[]; readonly env: Environment },
): void {
  const name = readdirSync(here).find((one) => packed.test(one));
  if (name === undefined || cache === undefined || (env["NODE_DISABLE_COMPILE_CACHE"] ?? "") !== "") {
    return; // Run from its sources, or for somebody without a home, or who says so as to Node itself.
  }
  const file = join(here, name);
  const kept = keptFile(join(cache, "code"), name, argv);
  const code = readKept(kept);
  const script = new Script(Module.wrap(readFileSync(file, "utf8")), {
    filename: file,
    ...(code === undefined ? {} : { cachedData: code }),
  });
  run(script, file);
  if (code === undefined || script.cachedDataRejected === true) {
    // At the end, when everything has run that this command runs; one that failed stopped halfway.
    process.once("exit", (status) => {
      if (status === 0) {
        keep(kept, script.createCachedData());
      }
    });
  }
}

/** One for each command, because each runs other functions; and for each Node, which would refuse that of another. */
function keptFile(folder: string, name: string, argv: readonly string[]): string {
  const build = `${name.slice(0, -".js".length)}-${process.version}-${process.arch}`;
  const [command = ""] = argv;
  const runs = /^[a-z]+$/.test(command) && !argv.includes("--help") && !argv.includes("-h");
  return join(folder, build, runs ? command : "other");
}

/** As `require` does with the file of a module; Node has no word for a module whose code is there already. */
function run(script: Script, file: string): void {
  const require = Module.createRequire(file);
  const loading = new Module(file);
  loading.filename = file;
  require.cache[file] = loading;
  const wrapped: unknown = script.runInThisContext();
  if (typeof wrapped === "function") {
    Reflect.apply(wrapped, loading.exports, [loading.exports, require, loading, file, dirname(file)]);
  }
  loading.loaded = true;
}

/** Twice, one after the other: V8 does not check what it is given and crashes on damage, and to compare is quicker than any sum. */
function readKept(file: string): Buffer | undefined {
  try {
    if (!areOurs(dirname(file))) {
      return undefined;
    }
    const both = readFileSync(file);
    const code = both.subarray(0, both.length / 2);
    return both.length > 0 && code.equals(both.subarray(both.length / 2)) ? code : undefined;
  } catch {
    return undefined; // Not there yet.
  }
}

function keep(file: string, code: Buffer): void {
  const folder = dirname(file);
  const draft = `${file}.${process.pid}`;
  try {
    const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
    if (!areOurs(folder)) {
      return;
    }
    if (isNew) {
      removeOthers(folder);
    }
    writeFileSync(draft, Buffer.concat([code, code]), { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    // A full disk, a home that cannot be written to: then the next call compiles, too.
    remove(draft);
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Where there is no folder there is no draft.
  }
}

/** Of builds and Nodes that are gone; one that is not makes its own again. */
function removeOthers(folder: string): void {
  const parent = dirname(folder);
  for (const name of readdirSync(parent)) {
    if (ofOneBuild.test(name) && join(parent, name) !== folder) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

/** What lies there is run, and what is old there is removed: the folder of a build, that of them all, and that of this program. */
const areOurs = (folder: string): boolean =>
  isOurs(folder) && isOurs(dirname(folder)) && isOurs(dirname(dirname(folder)));
