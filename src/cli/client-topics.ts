// Which topics a client uses for what it asks and for the replies: with a user name at the broker, the user's own. Not what it listens to.

import { isOwner } from "../core/names.ts";
import type { Fields } from "./client-requests.ts";
import type { ClientSettings } from "./client-settings.ts";

/**
 * Who has a name at the broker asks under it (protocol section 4): that is what brokers are set up to let them, and what `access: users`
 * wants. Who names another owner cannot: the topic's user would win.
 */
export function requestTopic(settings: ClientSettings, topic: string, { owner }: Fields): string {
  const { base } = settings;
  const user = userOf(settings);
  return user !== undefined && (owner === undefined || owner === user)
    ? `${base}/${topic}/${user}`
    : `${base}/${topic}`;
}

/** For somebody whom the broker or the controller did not let ask: what may be the matter with the topic. Empty: nothing. */
export function topicHint(settings: ClientSettings, { owner }: Fields): string {
  const user = userOf(settings);
  return user === undefined || owner === undefined || owner === user
    ? ""
    : `; with --owner ${String(owner)} it is asked without the user name ${user}, which only 'access: open' lets through`;
}

/** A name that can stand in a topic. */
const userOf = ({ username }: ClientSettings): string | undefined =>
  username !== undefined && isOwner(username) ? username : undefined;

/**
 * Where replies come. A user has a reply space of their own: that is what brokers are set up to let them read (protocol 4.2).
 * MQTT allows longer topics, the controller answers to 256 bytes.
 */
export function replySpace(settings: ClientSettings): string {
  const { base } = settings;
  const user = userOf(settings);
  const own = `${base}/reply/${user ?? ""}`;
  return user !== undefined && Buffer.byteLength(own) <= 230 ? own : `${base}/reply`;
}
