// The side of the program that faces its users over MQTT: requests in; replies, events and the retained picture out.
// Not the devices' side, which is the Bus.

import type { Announcement } from "../core/effects.ts";
import type { PoolPicture, ResourcePicture, SwitcherPicture } from "../core/pictures.ts";
import type { Reply, ReplyTo, Request } from "../core/requests.ts";

/** What of the configuration the front needs and a reload may change. */
export interface FrontSettings {
  /** `users`: only requests with a user in their topic are taken, and replies go below `<base>/reply/<user>/`. */
  readonly access: "open" | "users";
  /** Bytes of a request. */
  readonly payloadLimit: number;
  /** Shown in the controller's `info`, like the counts. */
  readonly observe: boolean;
  readonly counts: Counts;
}

export interface Counts {
  readonly resources: number;
  readonly pools: number;
}

export interface Front {
  /**
   * Make sure that no other controller serves this base (protocol 8.3), then connect, and stay connected until `close`.
   * A broker that cannot be reached is tried again, and the log says so.
   * @throws FrontError `rival` naming the other controller; `refused`: the broker refused the first subscription to requests
   */
  start(inbox: Inbox): Promise<void>;
  /** Send a marker on the request link; when it has come back `inbox.linkProved(attempt)` is called. Without a connection: nothing. */
  prove(attempt: number): void;
  /**
   * Send a reply, QoS 1. With `outbox`, `inbox.replied(outbox)` follows when the broker has taken it; those not taken when the
   * connection breaks are sent again after it is back. Without, the reply is dropped when there is no connection: its request is
   * not acknowledged either and comes again.
   */
  reply(to: ReplyTo, reply: Reply, outbox: number | undefined): void;
  /** An event, QoS 0: gone if there is no connection; before the first one it is kept for that. */
  announce(announcement: Announcement): void;
  /** Publish the four retained topics of a resource, those that changed. Without a connection nothing: all is published anew after it. */
  publishResource(picture: ResourcePicture): void;
  /** The three of a pool: like a resource's, without `holders`. */
  publishPool(picture: PoolPicture): void;
  publishSwitcher(picture: SwitcherPicture): void;
  /** Status, info, and everything published so far once more: the broker may have lost its retained store. */
  publishController(counts: Counts): void;
  /** The configuration was read again: requests that come from now on are taken under it, those taken before stay taken. */
  reconfigure(settings: FrontSettings): void;
  /** Clear the retained topics of a name that left the configuration; `resource`: of a resource or a pool. */
  forget(what: "resource" | "switcher", name: string): void;
  /**
   * Once a second: subscribe again where the broker refused it, offer a request again that was not `taken`, clear retained requests, put
   * right what others wrote on our retained topics (at most once per 5 s and topic, event `overwritten`), ask a rival whether it lives.
   */
  tend(): void;
  /** Publish `offline`, end the session's connection, keep the session. */
  close(): Promise<void>;
}

/** What the front tells the loop. None of these throw or block. */
export interface Inbox {
  /**
   * @param taken called once, when the request's outcome is on disk and its reply was handed to the connection: only then is the
   *   message acknowledged to the broker. `false`: the store could not take it and nobody could be told; it must come again.
   */
  request(request: Request, taken: (taken: boolean) => void): void;
  /** Once, before the first connection: no other controller serves this base, so that nobody's devices are taken from him now. */
  alone(): void;
  linkConnected(): void;
  linkLost(): void;
  linkProved(attempt: number): void;
  replied(outbox: number): void;
  rivalHeard(instance: string): void;
  rivalGone(): void;
  /** The front cannot go on, for example because a stranger keeps taking over its client id: stop with this sentence, exit above 0. */
  failed(sentence: string): void;
}

export class FrontError extends Error {
  readonly code: "rival" | "refused";

  constructor(code: FrontError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FrontError";
    this.code = code;
  }
}
