// The reply to an operator's request (override, cycle) as the user sees it. Not the asking.

import type { Context } from "./command.ts";
import { exits } from "./exit-codes.ts";
import { refused, replyText } from "./refusal.ts";
import { tableOf } from "./table.ts";
import type { Reply } from "./wire.ts";

/** @returns the exit status */
export function showHand(context: Context, resource: string, reply: Reply): number {
  const { args, terminal } = context;
  if (!reply.ok) {
    return refused(context, reply);
  }
  if (args.has("json")) {
    terminal.out(replyText(reply));
    return exits.done;
  }
  const { state = "", override = "", users } = reply;
  const cells = [reply.resource ?? resource, state, override, users === undefined ? "" : String(users)];
  const rows = [cells.map((text) => ({ text }))];
  for (const line of tableOf(["NAME", "STATE", "OVERRIDE", "USERS"], rows, terminal.paint)) {
    terminal.out(line);
  }
  return exits.done;
}
