// The program in few files. A command lives for milliseconds, and each file that it loads costs it a third of one: what a command needs to ask
// its controller is one file, the MQTT client in it. The rest is loaded where it is needed, in as many pieces as that takes.
// Everything is as readable as its source, less the comments: a report of a failure names places in it.
//
// CommonJS, because Node reads a module of that kind in half the time, and imports of its own modules (`node:fs`) cost nothing there.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ModuleInfo, rolldown } from "rolldown";
import { z } from "zod";
import { thirdParties } from "./third-parties.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const source = (path: string): string => join(root, "src", path);

/** What a command loads that asks one question; more commands than these use it, and load their own beside it. */
const client = [
  "cli/command-line.ts",
  "cli/acquire.ts",
  "cli/renew.ts",
  "cli/release.ts",
  "adapters/mqtt/connection.ts",
];

/**
 * What a library brings for browsers or old versions of Node, and what takes its place. `readable-stream` is a copy of Node's own streams;
 * `worker-timers` is for pages in the background (the library itself uses Node's timers in Node); `debug` prints with DEBUG=mqttjs*.
 */
const replaced = {
  "readable-stream": "node:stream",
  "worker-timers": join(root, "tools/build/instead/timers.cjs"),
  debug: join(root, "tools/build/instead/debug.cjs"),
};

export interface Built {
  readonly files: number;
  readonly bytes: number;
}

/** @param folder is made anew; from the root of the project, and below it, so that packages which are not part of the program are found */
export async function buildProgram(folder: string): Promise<Built> {
  const into = join(root, folder);
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const together = new Set<string>();
  const bundle = await rolldown({
    cwd: root,
    input: { main: source("main.ts"), worker: source("adapters/store/worker.ts") },
    platform: "node",
    external: [/^node:/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
    preserveEntrySignatures: "allow-extension",
    resolve: { alias: replaced },
    plugins: [
      {
        name: "no clock for what has no age",
        transform: {
          filter: { id: /\/lru-cache\/dist\/commonjs\/index\.js$/ },
          handler: withoutPerformance,
        },
      },
      {
        name: "what a client needs",
        buildEnd() {
          collect(client.map(source), (id) => this.getModuleInfo(id), together);
        },
      },
    ],
    onLog: (level, log) => {
      // The connection is loaded late on purpose by commands, and at once by the controller; here both are the same file.
      if (log.code !== "INEFFECTIVE_DYNAMIC_IMPORT") {
        throw new Error(`${level}: ${log.message}`);
      }
    },
  });
  try {
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    const { output } = await bundle.write({
      dir: into,
      format: "cjs",
      entryFileNames: "[name].js",
      // The one that commands need by its content: see src/cli/kept-code.ts.
      chunkFileNames: ({ name }) => (name === "packed" ? "packed-[hash].js" : "[name].js"),
      comments: false,
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [{ name: "packed", test: (id) => together.has(id) }],
      },
    });
    // The project's own package.json says that a .js file is an ES module.
    writeFileSync(join(into, "package.json"), '{ "type": "commonjs" }\n');
    const chunks = output.filter((one) => one.type === "chunk");
    for (const { fileName, code } of chunks) {
      writeFileSync(join(into, fileName), inAscii(code));
    }
    writeFileSync(join(into, "THIRD-PARTY.txt"), thirdParties(chunks.flatMap(({ moduleIds }) => moduleIds)));
    return { files: chunks.length, bytes: chunks.reduce((sum, { code }) => sum + code.length, 0) };
  } finally {
    await bundle.close();
  }
}

/**
 * The MQTT client keeps topic aliases in this cache, without an age; but the cache asks for `performance` at once, and Node loads that (a
 * millisecond) when it is first asked for. With `Date` it falls back to what it uses where there is no such thing.
 * @throws when the cache is written in another way: then look whether this is still needed
 */
function withoutPerformance(code: string): string {
  const asked = "typeof performance === 'object'";
  if (!code.includes(asked)) {
    throw new Error(
      "lru-cache no longer asks for `performance` in the known way; see tools/build/program.ts",
    );
  }
  return code.replace(asked, "false");
}

/** One letter beyond ASCII, and Node keeps two bytes for each letter of the file, and reads them more slowly. */
const inAscii = (code: string): string =>
  code.replaceAll(/[^\0-\u007F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What these modules import, and what that imports, but not what is loaded later. */
function collect(
  ids: readonly string[],
  infoOf: (id: string) => ModuleInfo | null,
  found: Set<string>,
): void {
  for (const id of ids) {
    const info = infoOf(id);
    if (info !== null && !found.has(id)) {
      found.add(id);
      collect(info.importedIds, infoOf, found);
    }
  }
}
