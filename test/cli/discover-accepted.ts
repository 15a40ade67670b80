// The promise of what `lastout discover` prints: it passes the check as it is, and with its resources.

import { expect } from "vitest";
import { printMistakes } from "../../src/config/print.ts";
import type { Config } from "../../src/config/config.ts";
import { loadLab } from "../config/lab.ts";

/** As its user is told: every line from `#resources:` on loses its first `#`. */
export const uncommented = (text: string): string => {
  const at = text.indexOf("\n#resources:");
  expect(at).toBeGreaterThan(0);
  return text.slice(0, at) + text.slice(at).replaceAll("\n#", "\n");
};

/** Passwords and the like that the configuration takes from outside are there. */
const surroundings = { env: { LASTOUT_PASSWORD: "secret" } };

/** @returns the configuration with its resources */
export function acceptedBy(text: string): Config {
  const [before, after] = [text, uncommented(text)].map((one) => {
    const loaded = loadLab({ ...surroundings, text: one });
    expect(loaded.ok ? "" : printMistakes(loaded.mistakes)).toBe("");
    return loaded.ok ? loaded.config : undefined;
  });
  if (before === undefined || after === undefined) {
    throw new Error("the configuration was refused");
  }
  expect(before.settings.resources.size).toBe(0);
  expect(after.settings.resources.size).toBeGreaterThan(0);
  return after;
}
