// One request that is answered at once, over a connection of its own.

import type { Client } from "./client.ts";
import { type Fields, promptly } from "./client-requests.ts";
import { type ClientSettings, clientSettings } from "./client-settings.ts";
import type { Context } from "./command.ts";
import { CommandError } from "./exit-codes.ts";
import type { Reply } from "./wire.ts";
import { withClient } from "./with-client.ts";

/**
 * @param fieldsFor the fields, for who asks
 * @param more `evenAway`: without a controller the broker gets the request all the same, to keep for it
 * @throws CommandError, Interrupted
 */
export async function askOnce(
  context: Context,
  topic: string,
  fieldsFor: (settings: ClientSettings) => Fields,
  more: { readonly evenAway: boolean } = { evenAway: false },
): Promise<Reply> {
  const settings = await clientSettings(context.args, context.env);
  const fields = fieldsFor(settings);
  return withClient(context, { settings, filters: [] }, async (client, signal) => {
    if (more.evenAway) {
      await controllerOrBroker(client, topic, fields);
    } else {
      await client.needController();
    }
    return client.request({ topic, fields: () => fields, patience: promptly, signal });
  });
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
