// What the core wants done, in the order in which it must happen: persist, then reply, then command, then publish.
// The caller has everything of a batch on disk before it carries out any other effect of it: a token is durable before
// anybody hears that they hold it, and before a relay is told to move.

import type { Change } from "./changes.ts";
import type { Reply, ReplyTo } from "./requests.ts";
import type { Position } from "./settings.ts";

export type Effect =
  | { readonly kind: "persist"; readonly change: Change }
  /** `outbox`: report `replied` with this number when the broker has taken it; `undefined`: nobody waits to know. */
  | {
      readonly kind: "reply";
      readonly to: ReplyTo;
      readonly reply: Reply;
      readonly outbox: number | undefined;
    }
  /** Move a relay. Decided anew for every send; never stored, never retained. */
  | {
      readonly kind: "command";
      readonly outlet: string;
      readonly position: Position;
      readonly attempt: number;
    }
  /** Ask a switcher for the real position of all its outlets. */
  | { readonly kind: "ask"; readonly switcher: string }
  /** Ask a switcher for a fresh reading of its meters. */
  | { readonly kind: "measure"; readonly switcher: string }
  | {
      readonly kind: "check";
      readonly resource: string;
      readonly of: "availability" | "keepWhile";
      readonly attempt: number;
    }
  /** Tell a machine to shut down; its outcome is `shutdownEnded`. */
  | { readonly kind: "shutdown"; readonly resource: string; readonly attempt: number }
  /** Send a marker over the request link; its return is `linkProved`. */
  | { readonly kind: "prove"; readonly attempt: number }
  /** The retained picture of it changed; look it up in the view when the batch is on disk. */
  | { readonly kind: "publish"; readonly what: "resource" | "switcher" | "pool"; readonly name: string }
  /**
   * The controller's own topics, and once more what was published so far: at every (re)connection and reload. What is not known yet follows
   * by itself.
   */
  | { readonly kind: "publishController" }
  /** Clear the retained topics of a name that left the configuration. */
  | { readonly kind: "forget"; readonly what: "resource" | "switcher"; readonly name: string }
  /** `to`: an event that users hear, or only a line of the log. */
  | { readonly kind: "announce"; readonly announcement: Announcement; readonly to: "users" | "log" }
  /** An event that does not fit; for the log, so that silence is never a transition. */
  | { readonly kind: "ignored"; readonly event: string; readonly because: string; readonly about: string };

/** Protocol section 7, but for what the front tells by itself. `resource` undefined: an event that belongs to no one resource. */
export interface Announcement {
  readonly event: AnnouncementName;
  readonly resource: string | undefined;
  /** ISO 8601. */
  readonly time: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export type AnnouncementName =
  | "granted"
  | "renewed"
  | "released"
  | "expiring"
  | "expired"
  | "queued"
  | "rejected"
  | "lost"
  | "locked-out"
  | "state"
  | "switch-on"
  | "switch-off"
  | "external-on"
  | "external-off"
  | "shutdown"
  | "override"
  | "problem"
  | "recovered"
  | "cycle"
  | "removed"
  | "retained-command"
  | "rival";

/**
 * Whether an effect is carried out although the batch that it belongs to could not be written: it asks, shows, or tells what was
 * seen, and promises nothing.
 * @param kept the held-back replies that are on the disk: decided long ago, and going out once more
 */
export function survivesRefusal(effect: Effect, kept: ReadonlySet<number>): boolean {
  switch (effect.kind) {
    case "prove":
    case "ask":
    case "measure":
    case "check":
    case "publish":
    case "publishController":
    case "ignored":
      return true;
    case "announce":
      return ["state", "problem", "recovered"].includes(effect.announcement.event);
    case "reply":
      return effect.outbox !== undefined && kept.has(effect.outbox);
    case "persist":
    case "command":
    case "shutdown":
    case "forget":
      return false;
  }
}
