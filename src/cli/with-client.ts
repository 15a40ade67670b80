// A client for as long as a command uses it: interrupted by a signal, closed at the end, whatever comes of it. Not for who has its own way
// with signals or of ending: session.ts, completion/names.ts.

import { type Client, type ClientOptions, openClient } from "./client.ts";
import type { Context } from "./command.ts";
import { interruption } from "./signals.ts";

/** What a client needs besides what every command has. */
export type ClientParts = Omit<ClientOptions, "clock" | "say" | "signal">;

/**
 * @param use `signal` aborts with `Interrupted`
 * @throws CommandError, Interrupted, what `use` throws
 */
export async function withClient<Result>(
  { terminal, clock }: Context,
  parts: ClientParts,
  use: (client: Client, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = interruption();
  try {
    const client = await openClient({
      ...parts,
      clock,
      say: (text) => terminal.say(text),
      signal: stop.signal,
    });
    try {
      return await use(client, stop.signal);
    } finally {
      await client.close();
    }
  } finally {
    stop.dispose();
  }
}
