// The program as in the package, of the sources as they are now, beside the one in dist/: for measuring and for tests of what only the packed
// program does.

import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { buildProgram, root } from "./program.ts";

/** In the project, so that the packages are found. */
export async function buildAside(): Promise<{ readonly main: string; remove(): void }> {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "lastout-"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  await buildProgram(relative(root, join(folder, "dist")));
  return {
    main: join(folder, "dist", "main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
