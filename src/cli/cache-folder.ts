// Where this program may keep what it can do without: `$XDG_CACHE_HOME/lastout`, else `~/.cache/lastout`. Anything there may be deleted
// at any time, and nothing depends on it.

import { lstatSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Environment } from "./client-settings.ts";

/**
 * @returns `undefined` for who has no home, and for root in the home of a user (sudo): folders of root's would be in their way, and what they
 * put there would be run as root
 */
export function cacheFolder({ XDG_CACHE_HOME: xdg = "", HOME: home = "" }: Environment): string | undefined {
  // XDG Base Directory Specification: a relative path there is invalid and is ignored.
  if (isAbsolute(xdg)) {
    return isOwn(xdg) ? join(xdg, "lastout") : undefined;
  }
  return isAbsolute(home) && isOwn(home) ? join(home, ".cache", "lastout") : undefined;
}

/** Of the user that we run as. Homes are links in places, and in others their group may write to them. */
function isOwn(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found !== undefined && found.uid === process.geteuid?.();
}

/** A folder of the user that we run as, that nobody else may write to, and not a link to one. */
export function isOurs(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}
