// Where the store is: its lock and its note stand beside the file itself, whichever link it is named by.

import { accessSync, constants, lstatSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { explain } from "./explain.ts";

/**
 * The path without links, also of a file that is not there yet; the obvious obstacles are told here, with their errno.
 * @throws StoreError
 */
export function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    const there = lstatSync(absolute, { throwIfNoEntry: false }) !== undefined;
    const real = there ? realpathSync(absolute) : join(realpathSync(dirname(absolute)), basename(absolute));
    accessSync(dirname(real), constants.W_OK | constants.X_OK);
    if (there && !statSync(real).isDirectory()) {
      accessSync(real, constants.R_OK | constants.W_OK);
    }
    return real;
  } catch (error) {
    throw explain(error, absolute);
  }
}
