// A real mosquitto with the configuration and the access rules that are shipped, and real users with passwords. Of the files only the
// places differ: port, folders, and what a test adds at the end. Not the rules themselves: those are in mosquitto.acl.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

const shipped = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

/** Everybody's password is `password-of-` and the name. */
export const passwordOf = (user: string): string => `password-of-${user}`;

/** Hears and says everything, so that a test can see what happened; no such user is shipped. */
export const witness = "witness";

export interface GuardedOptions {
  readonly users: readonly string[];
  /** Lines for the end of the configuration. */
  readonly lines?: readonly string[];
}

export function startGuardedMosquitto({ users, lines = [] }: GuardedOptions): Promise<Mosquitto> {
  return startMosquitto(({ port, folder }) => {
    const passwords = join(folder, "passwd");
    const names = [witness, ...users];
    writeFileSync(passwords, names.map((name) => `${name}:${passwordOf(name)}\n`).join(""), { mode: 0o600 });
    execFileSync("mosquitto_passwd", ["-U", passwords]); // hashes what stands there in clear
    const rules = join(folder, "lastout.acl");
    writeFileSync(rules, `${shipped("mosquitto.acl")}\nuser ${witness}\ntopic readwrite #\n`, {
      mode: 0o600,
    });
    return [
      replaced(shipped("mosquitto.conf"), {
        listener: `${port} 127.0.0.1`,
        password_file: passwords,
        acl_file: rules,
        persistence_location: `${folder}/`,
      }),
      ...lines,
    ].join("\n");
  });
}

/** The configuration with other values for these keys, each of which stands in it once. */
function replaced(configuration: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((text, [key, value]) => {
    const line = new RegExp(`^${key} .*$`, "gm");
    if (text.match(line)?.length !== 1) {
      throw new Error(`mosquitto.conf has not one line with ${key}`);
    }
    return text.replace(line, () => `${key} ${value}`);
  }, configuration);
}
