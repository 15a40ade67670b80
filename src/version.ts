// The version of the program, from package.json, which stands beside `src` and beside `dist`.

import { readFileSync } from "node:fs";

export const version: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const found: unknown = JSON.parse(text);
  return typeof found === "object" && found !== null && "version" in found
    ? String(found.version)
    : "unknown";
}
