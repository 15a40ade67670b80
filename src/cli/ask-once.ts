// One request that is answered at once, over a connection of its own.

import { type Client, type Fields, openClient, promptly } from "./client.ts";
import { type ClientSettings, clientSettings } from "./client-settings.ts";
import type { Context } from "./command.ts";
import { CommandError } from "./exit-codes.ts";
import { interruption } from "./signals.ts";
import type { Reply } from "./wire.ts";

/**
 * @param fieldsFor the fields, for who asks
 * @param more `evenAway`: without a controller the broker gets the request all the same, to keep for it
 * @throws CommandError, Interrupted
 */
export async function askOnce(
  { args, env, terminal, clock }: Context,
  topic: string,
  fieldsFor: (settings: ClientSettings) => Fields,
  more: { readonly evenAway: boolean } = { evenAway: false },
): Promise<Reply> {
  const settings = await clientSettings(args, env);
  const fields = fieldsFor(settings);
  const stop = interruption();
  try {
    const client = await openClient({
      settings,
      clock,
      filters: [],
      say: (text) => terminal.say(text),
      signal: stop.signal,
    });
    try {
      if (more.evenAway) {
        await controllerOrBroker(client, topic, fields);
      } else {
        await client.needController();
      }
      return await client.request({ topic, fields: () => fields, patience: promptly, signal: stop.signal });
    } finally {
      await client.close();
    }
  } finally {
    stop.dispose();
  }
}

async function controllerOrBroker(client: Client, topic: string, fields: Fields): Promise<void> {
  try {
    await client.needController();
  } catch (error) {
    if (error instanceof CommandError && error.code === "no-controller") {
      await client.tell(topic, fields);
      throw new CommandError(
        "no-controller",
        `${error.message} The broker has the request and may keep it for the controller`,
      );
    }
    throw error;
  }
}
