// The user's file of client settings: its keys, and every mistake in it with its place. Loaded only where there is such a file. Not what
// the settings are for: client-settings.ts.

import { z } from "zod";
import { readYaml } from "../config/yaml.ts";
import { nearestName } from "../core/names.ts";
import { CommandError } from "./exit-codes.ts";

const clientFile = z.strictObject({
  url: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  base: z.string().optional(),
  ca: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
  bearer: z.string().optional(),
});

export type ClientFile = z.output<typeof clientFile>;

/** @throws CommandError `configuration` with the first mistake and its place */
export function parseClientFile(text: string, path: string): ClientFile {
  const { document, mistakes } = readYaml(text);
  const [mistake] = mistakes;
  if (mistake !== undefined || document === undefined) {
    const place = `${path}:${mistake?.line ?? 1}:${mistake?.column ?? 1}`;
    throw new CommandError(
      "configuration",
      `${place}: ${mistake?.path === undefined || mistake.path === "" ? "" : `'${mistake.path}' `}${mistake?.message ?? "this is no YAML"}`,
    );
  }
  const parsed = clientFile.safeParse(document.value);
  if (parsed.success) {
    return parsed.data;
  }
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const at = unknown ?? issue?.path[0];
  const spot = document.places.key(at === undefined ? [] : [String(at)]);
  throw new CommandError(
    "configuration",
    `${path}:${spot.line}:${spot.column}: ${clientFileMistake(unknown, at)}`,
  );
}

function clientFileMistake(unknown: string | undefined, at: PropertyKey | undefined): string {
  const keys = Object.keys(clientFile.shape);
  if (unknown !== undefined) {
    const near = nearestName(unknown, keys);
    return `unknown key '${unknown}'${near === undefined ? `; there are ${keys.join(", ")}` : `; did you mean '${near}'?`}`;
  }
  return at === undefined
    ? `expected keys and values: ${keys.join(", ")}`
    : `'${String(at)}' must be a text; put it in quotes if it looks like a number`;
}
