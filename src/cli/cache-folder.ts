// Where this program may keep what it can do without: `$XDG_CACHE_HOME/lastout`, else `~/.cache/lastout`. Anything there may be deleted
// at any time, and nothing depends on it.

import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Environment } from "./client-settings.ts";

/** @returns `undefined` for who has no home: no folder is made for them */
export function cacheFolder({ XDG_CACHE_HOME: xdg = "", HOME: home = "" }: Environment): string | undefined {
  // XDG Base Directory Specification: a relative path there is invalid and is ignored.
  if (isAbsolute(xdg)) {
    return existsSync(xdg) ? join(xdg, "lastout") : undefined;
  }
  return isAbsolute(home) && existsSync(home) ? join(home, ".cache", "lastout") : undefined;
}
