// An error reply as the user sees it: one line, the JSON with `--json`, and the exit status that belongs to its code.

import type { Context } from "./command.ts";
import { exitOfReply } from "./exit-codes.ts";
import type { ErrorReply, Reply } from "./wire.ts";

export function refused({ args, terminal }: Context, reply: ErrorReply): number {
  terminal.fail(`${reply.message} (${reply.error})`);
  if (args.has("json")) {
    terminal.out(replyText(reply));
  }
  return exitOfReply(reply.error);
}

/** As the controller sent it, without the id that was ours. */
export function replyText(reply: Reply): string {
  const { id: _, ...rest } = reply;
  return JSON.stringify(rest);
}
