// What `run`, `hold` and `acquire` ask for: their common options, the fields and topics of the requests, and the will of a client that vanishes.
// Not the asking itself (obtain.ts), nor the keeping (keep.ts).

import type { CheckLevel } from "../core/settings.ts";
import type { Millis } from "../core/time.ts";
import type { Arguments, Options } from "./arguments.ts";
import type { Fields } from "./client-requests.ts";
import type { ClientSettings } from "./client-settings.ts";
import {
  durationOption,
  freeText,
  madeUpToken,
  ownerOption,
  priorityOption,
  tokenId,
  ttlOption,
} from "./values.ts";

export interface Wish {
  /** Resources and pools: one, or several under one token. */
  readonly names: readonly string[];
  readonly token: string;
  /** The id was made up by this call: nobody can hold it from before, so that what was asked may be taken back. */
  readonly isNew: boolean;
  readonly owner: string | undefined;
  readonly purpose: string | undefined;
  readonly ttl: Millis | undefined;
  readonly timeout: Millis | undefined;
  readonly exclusive: boolean;
  readonly priority: number | undefined;
  readonly wait: CheckLevel;
}

export const wishOptions: Options = {
  ttl: {
    value: "D",
    help: "how long the token is valid without a renewal, for example 2h (the resource's own)",
  },
  timeout: {
    value: "D",
    help: "queue, and give up after this time, for example 5m (no queue, as long as the controller tries)",
  },
  token: { value: "ID", help: "the token's id; the same id again renews it (a new one is made up)" },
  owner: { value: "O", help: "whose token it is (the user name at the broker, or of this machine)" },
  purpose: { value: "P", mayBeEmpty: true, help: "what it is for, such as a build's URL" },
  exclusive: { value: undefined, help: "share it with nobody" },
  priority: { value: "N", help: "-100 to 100: the higher, the earlier in the queue (0)" },
};

export function readWish(
  args: Arguments,
  settings: ClientSettings,
  names: readonly string[],
  wait: CheckLevel,
): Wish {
  const token = args.value("token");
  return {
    names,
    token: token === undefined ? madeUpToken() : tokenId(token),
    isNew: token === undefined,
    owner: ownerOption(args, settings.username),
    purpose: freeText(args, "purpose"),
    ttl: ttlOption(args),
    timeout: durationOption(args, "timeout"),
    exclusive: args.has("exclusive"),
    priority: priorityOption(args),
    wait,
  };
}

/** One token over several resources goes over `controller` (protocol section 4). */
export const topicOf = (names: readonly string[], verb: "acquire" | "renew" | "release"): string =>
  `${names.length === 1 ? names.join("") : "controller"}/${verb}`;

export function acquireFields(wish: Wish, elapsed: Millis): Fields {
  const { names, token, owner, purpose, wait, ttl, timeout, exclusive, priority } = wish;
  return {
    token,
    resources: names.length === 1 ? undefined : names,
    owner,
    purpose,
    wait,
    ttl: ttl === undefined ? undefined : ttl / 1000,
    timeout: timeout === undefined ? undefined : Math.max(0, timeout - elapsed) / 1000,
    mode: exclusive ? "exclusive" : undefined,
    priority,
  };
}

/** For a client that vanishes without a farewell (protocol 4.3, rule 8). */
export const lostWill = ({
  names,
  token,
  owner,
}: Wish): { readonly topic: string; readonly fields: Fields } => ({
  topic: topicOf(names, "release"),
  fields: { token, owner, lost: true },
});
