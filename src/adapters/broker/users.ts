// The broker's users, as their file has them now: read again when it has changed. Not the format, which is passwd.ts's.

import { readFile, stat } from "node:fs/promises";
import type { Log } from "../../ports/log.ts";
import { BrokerError } from "./broker-error.ts";
import { type Hash, parsePasswd, passwordFits } from "./passwd.ts";

export interface Users {
  allows(user: string, password: Uint8Array): Promise<boolean>;
}

/**
 * A file that cannot be read later on leaves the users as they were, with a line in the log: a half-saved file locks nobody out,
 * the controller itself above all.
 * @throws BrokerError `bad-users` when it cannot be read at the start
 */
export async function openUsers(path: string, parts: { readonly log: Log }): Promise<Users> {
  let stamp = await stampOf(path);
  let users = await readUsers(path);
  let refreshed = Promise.resolve();
  return {
    allows: async (user, password) => {
      // One after the other, so that nobody is judged by the old file while the new one is being read.
      refreshed = refreshed.then(refresh);
      await refreshed;
      return passwordFits(users.get(user), password);
    },
  };

  async function refresh(): Promise<void> {
    const now = await stampOf(path);
    if (now === stamp) {
      return;
    }
    stamp = now;
    try {
      users = await readUsers(path);
      parts.log.info({ path, users: users.size }, "Read the broker's users again");
    } catch (error) {
      parts.log.error(
        { path, error },
        "The broker's users have changed and cannot be read; they stay as they were",
      );
    }
  }
}

/** Changes whenever the file does. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return "gone"; // Reading it says why.
  }
}

async function readUsers(path: string): Promise<ReadonlyMap<string, Hash>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new BrokerError(
      "bad-users",
      `broker.users: the file ${path} cannot be read (${detail}): make it with mosquitto_passwd -c ${path} USER`,
      { cause: error },
    );
  }
  const { users, bad } = parsePasswd(text);
  if (bad.length > 0) {
    const shown = bad.slice(0, 5).map(({ line, what }) => `${path}:${line}: ${what}`);
    const more = bad.length > shown.length ? [`and ${bad.length - shown.length} more`] : [];
    throw new BrokerError("bad-users", `broker.users: ${[...shown, ...more].join("; ")}`);
  }
  return users;
}
