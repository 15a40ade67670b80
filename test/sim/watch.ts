// Everything that can be seen of the controller from outside, as calls: the ports report to it and decide nothing.
// invariants.ts listens; so does nobody else.

import type { Announcement } from "../../src/core/effects.ts";
import type { PoolPicture, ResourcePicture } from "../../src/core/pictures.ts";
import type { Reply, ReplyTo, Request } from "../../src/core/requests.ts";
import type { Position, Settings } from "../../src/core/settings.ts";
import type { BrokerWatch, Message } from "./broker.ts";
import type { DiskWatch } from "./disk.ts";
import type { Outcome } from "./machine.ts";

export interface Watch extends DiskWatch, BrokerWatch {
  /** A process begins, and has read the store. */
  started(settings: Settings): void;
  died(): void;
  /** The configuration is being read again. */
  reloading(settings: Settings): void;
  /** What follows now is done under these. */
  inForce(settings: Settings): void;
  linkConnected(): void;
  linkLost(): void;
  busConnected(): void;
  busLost(): void;
  /** A request is offered to the loop, perhaps not for the first time. */
  offered(message: Message, request: Request): void;
  requestTaken(message: Message, request: Request, taken: boolean): void;
  replied(to: ReplyTo, reply: Reply, outbox: number | undefined): void;
  announced(announcement: Announcement): void;
  pictured(picture: ResourcePicture): void;
  pooled(picture: PoolPicture): void;
  picturePublished(topic: string, payload: string): void;
  rival(there: boolean): void;
  /** The controller publishes to the devices. */
  commanded(topic: string, payload: string): void;
  /** The controller hears a device. */
  heard(topic: string, payload: string, retained: boolean): void;
  checked(resource: string, outcome: Outcome): void;
  guarded(resource: string, outcome: Outcome): void;
  /** A machine is told to shut down. */
  shutDown(resource: string): void;
  relayMoved(socket: string, relay: number, position: Position, why: "command" | "hand" | "power"): void;
  /** A machine has power again. */
  powered(resource: string): void;
}
