// What every event means and which fields it has, for the table in docs/mqtt.md. An event without a text does not compile.

import type { OwnAnnouncementName } from "../../src/adapters/mqtt/encode.ts";
import type { AnnouncementName } from "../../src/core/effects.ts";

/** Markdown, both. */
export interface EventText {
  readonly fields: string;
  readonly meaning: string;
}

/** Protocol section 7, in the order of a token's life, then of a resource's, then the rest. */
export const eventTexts: Readonly<Record<AnnouncementName | OwnAnnouncementName, EventText>> = {
  queued: {
    fields: "`token` `owner` `users` `position`",
    meaning: "a request waits for its turn; `position` 1 is the next, and of several queues the last counts",
  },
  granted: {
    fields: "`token` `owner` `users` `expires`",
    meaning: "a new token is held; `expires` is null while its request waits",
  },
  renewed: {
    fields: "`token` `owner` `users` `expires`",
    meaning: "its time was extended",
  },
  released: {
    fields: "`token` `owner` `users` `heldSeconds`",
    meaning: "it was given back, or left the queue; with `by` when an operator did it for its owner",
  },
  expiring: {
    fields: "`token` `owner` `users` `expires`",
    meaning: "a tenth of its time is left",
  },
  expired: {
    fields: "`token` `owner` `users` `heldSeconds`",
    meaning: "it expired",
  },
  lost: {
    fields: "`token` `owner` `users` `heldSeconds`",
    meaning: "its client was lost (rule 8)",
  },
  "locked-out": {
    fields: "`token` `owner` `users` `heldSeconds` `message`",
    meaning: "a lockout ended it",
  },
  removed: {
    fields: "`token` `owner` `users` `heldSeconds`",
    meaning:
      "a token whose resource left the configuration; without these fields: the resource (or pool) itself left",
  },
  rejected: {
    fields: "`token` and `owner` if there are any, `users`, `error` `message`, `moved`",
    meaning:
      "a request was refused or failed; with `moved` (another member) when only this member of a pool failed it, and it goes on there; with `heldSeconds` if that ended its token or its place in a queue. `users` is 0 for a request over `controller/...` that never held anything; a name that is no resource has neither `owner` nor `users`",
  },
  state: {
    fields: "`from` `to`",
    meaning:
      "the resource's state changed; what the controller learns at its start, before it publishes the picture, is no change",
  },
  "switch-on": {
    fields: "`outlet`",
    meaning: "an outlet is being commanded",
  },
  "switch-off": {
    fields: "`outlet`",
    meaning: "an outlet is being commanded",
  },
  "external-on": {
    fields: "`outlet`, `policy` where one applies",
    meaning: "somebody else switched it",
  },
  "external-off": {
    fields: "`outlet`, `policy` where one applies",
    meaning: "somebody else switched it",
  },
  problem: {
    fields: "`code` `message`",
    meaning: "a problem has come up",
  },
  recovered: {
    fields: "`code`",
    meaning: "it is over",
  },
  shutdown: {
    fields: "`stage`; `message` or `policy` where there is one",
    meaning:
      "the machine was told to shut down (`sent`), what became of the command (`done`, `accepted`, `failed`, `unsure`), or it took too long (`timeout`, with `policy` `keep` or `cut`)",
  },
  override: {
    fields: "`mode`; `by` `reason` `until` `force` where they were given",
    meaning: "an operator's hand; with `because` when `until` has passed",
  },
  cycle: {
    fields: "`retry` `of`, or `stage`",
    meaning:
      "a resource did not boot and is power-cycled (section 5, rule 6); or an operator's cycle has begun (`stage` `begun`, with `by` and `force` where they were given) or was called off",
  },
  overwritten: {
    fields: "`topic`",
    meaning: "somebody else wrote on a retained topic of the controller; it was put right",
  },
  "retained-command": {
    fields: "`switcher` `topic`",
    meaning: "on `lastout/controller/event`: a retained command stands on a device's topic",
  },
  rival: {
    fields: "`instance` `settled`",
    meaning:
      "on `lastout/controller/event`: another controller was heard (`settled` false), or is gone (true)",
  },
  pong: {
    fields: "`instance` `to`",
    meaning: "on `lastout/controller/event`: the answer to a ping (section 8.3)",
  },
};
