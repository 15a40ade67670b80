// What a completion script asks for while somebody has pressed the tabulator: names of resources and pools, from a short memory or from the
// broker, and ids of tokens. It takes a second at most and never complains: a shell that hangs is worse than a name that is missing.

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isName, isTokenId } from "../../core/names.ts";
import { millis } from "../../core/time.ts";
import { cacheFolder } from "../cache-folder.ts";
import { type Client, openClient } from "../client.ts";
import { promptly } from "../client-requests.ts";
import { type ClientSettings, clientSettings } from "../client-settings.ts";
import type { Context } from "../command.ts";
import { isNumber, isText, listOf, objectWith } from "../guards.ts";
import { choose, openPicture } from "../picture.ts";

/** A person notices a second. */
const patience = millis(800);
/** Resources change by hand; and a broker that is away is not asked at every key. */
const freshMs = 60_000;

const isMemory = objectWith({ at: isNumber, names: listOf(isText) });

export interface Known {
  readonly names: readonly string[];
  /** The broker was given up: something of the search for it may still be under way, and keep the process. */
  readonly late: boolean;
}

const nothing: Known = { names: [], late: false };

/** Sorted. */
export async function knownNames(context: Context): Promise<Known> {
  const settings = await settingsOf(context);
  if (settings === undefined) {
    return nothing;
  }
  const file = memoryFile(context, settings);
  const memory = await readMemory(file);
  const age = memory === undefined ? Number.POSITIVE_INFINITY : context.clock.wall() - memory.at;
  if (memory !== undefined && age >= 0 && age < freshMs) {
    return { names: memory.names.filter(isName), late: false };
  }
  const picture = openPicture();
  const { found, late } = await quickly(context, settings, {
    filters: ["+"],
    heard: ({ topic, payload }) => picture.take(topic, payload),
    ask: async (client) => {
      await client.pictureComplete(() => picture.objects.size);
      return choose([], picture.objects).names;
    },
  });
  const names = (found ?? memory?.names ?? []).filter(isName);
  await writeMemory(file, { at: context.clock.wall(), names });
  return { names, late };
}

/** Of those who hold one on the resource, the first hundred. */
export async function knownTokens(context: Context, resource: string): Promise<Known> {
  const settings = await settingsOf(context);
  if (settings === undefined || !isName(resource)) {
    return nothing;
  }
  const { found = [], late } = await quickly(context, settings, {
    filters: [],
    heard: () => {},
    ask: async (client) => {
      await client.needController();
      const reply = await client.request({
        topic: `${resource}/tokens`,
        fields: () => ({ limit: 100 }),
        patience: promptly,
      });
      return reply.ok ? (reply.holders ?? []).map(({ token }) => token) : [];
    },
  });
  return { names: [...new Set(found)].filter(isTokenId), late };
}

interface Question {
  readonly filters: readonly string[];
  readonly heard: (message: { readonly topic: string; readonly payload: string }) => void;
  readonly ask: (client: Client) => Promise<readonly string[]>;
}

/** `found` is `undefined` when it is not known in time, for whatever reason. */
async function quickly(
  { clock }: Context,
  settings: ClientSettings,
  { filters, heard, ask }: Question,
): Promise<{ readonly found: readonly string[] | undefined; readonly late: boolean }> {
  const late = new AbortController();
  const answered = new AbortController();
  async function look(): Promise<readonly string[] | undefined> {
    try {
      const client = await openClient({
        settings,
        clock,
        filters,
        heard,
        say: () => {},
        signal: late.signal,
      });
      try {
        return await ask(client);
      } finally {
        // Without a farewell when it is late: nobody waits for a broker that is silent.
        await client.close(late.signal.aborted);
      }
    } catch {
      return undefined;
    } finally {
      answered.abort();
    }
  }
  async function limit(): Promise<undefined> {
    await clock.sleep(patience, answered.signal);
    late.abort(new Error("too late"));
    return undefined;
  }
  const found = await Promise.race([look(), limit()]);
  return { found, late: late.signal.aborted };
}

async function settingsOf({ args, env }: Context): Promise<ClientSettings | undefined> {
  try {
    return await clientSettings(args, env);
  } catch {
    return undefined; // The command itself will say what is wrong.
  }
}

/** One for each controller and user. */
function memoryFile({ env }: Context, { url, base, username }: ClientSettings): string | undefined {
  const folder = cacheFolder(env);
  const whose = createHash("sha256")
    .update(JSON.stringify([url, base, username]))
    .digest("hex");
  return folder === undefined ? undefined : join(folder, `names-${whose.slice(0, 16)}.json`);
}

interface Memory {
  /** Wall time of the reading. */
  readonly at: number;
  readonly names: readonly string[];
}

async function readMemory(file: string | undefined): Promise<Memory | undefined> {
  try {
    const memory: unknown = file === undefined ? undefined : JSON.parse(await readFile(file, "utf8"));
    return isMemory(memory) ? memory : undefined;
  } catch {
    return undefined; // None yet, or a damaged one.
  }
}

/** Whole or not at all: two shells may write at once. */
async function writeMemory(file: string | undefined, memory: Memory): Promise<void> {
  if (file === undefined) {
    return;
  }
  try {
    await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, JSON.stringify(memory), { mode: 0o600 });
    await rename(draft, file);
  } catch {
    // No room, or not our folder: then it is asked for again.
  }
}
