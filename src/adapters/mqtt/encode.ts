// From replies and events to the text on the wire: JSON, or one plain line for a shell without a JSON tool.
// Not for the retained picture, which is JSON already in shape.

import type { Announcement } from "../../core/effects.ts";
import type { Reply, ReplyTo } from "../../core/requests.ts";

/** What the core does not know of: the front tells it by itself. */
export interface OwnAnnouncement extends Omit<Announcement, "event"> {
  readonly event: OwnAnnouncementName;
}

export type OwnAnnouncementName = "overwritten" | "pong";

export interface Encoded {
  readonly text: string;
  readonly contentType: "application/json" | "text/plain";
}

export function encodeReply(reply: Reply, to: Pick<ReplyTo, "id" | "format">): Encoded {
  return to.format === "plain"
    ? { text: plainReply(reply), contentType: "text/plain" }
    : {
        text: JSON.stringify(to.id === undefined ? reply : { ...reply, id: to.id }),
        contentType: "application/json",
      };
}

/** `ok <resource[,resource...]> <token or -> <state>` or `error <code> <message>`, always one line. */
function plainReply(reply: Reply): string {
  if (!reply.ok) {
    return `error ${reply.error} ${reply.message.replaceAll(/\s+/g, " ")}`;
  }
  const token = "token" in reply ? reply.token : "-";
  const names = "resources" in reply && reply.resources !== undefined ? reply.resources : [reply.resource];
  return `ok ${names.join(",")} ${token} ${reply.state}`;
}

/** What is unknown is left out, not null: `resource` of an event that belongs to no one resource. */
export function encodeAnnouncement({
  event,
  resource,
  time,
  fields,
}: Announcement | OwnAnnouncement): string {
  return JSON.stringify({ event, resource, time, ...fields });
}
