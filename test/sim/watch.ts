// Everything that can be seen of the controller from outside, as calls: the ports report to it and decide nothing.
// invariants.ts listens; so does nobody else.

import type { Announcement } from "../../src/core/effects.ts";
import type { ResourcePicture } from "../../src/core/pictures.ts";
import type { Reply, ReplyTo, Request } from "../../src/core/requests.ts";
import type { Position } from "../../src/core/settings.ts";
import type { BrokerWatch, Message } from "./broker.ts";
import type { DiskWatch } from "./disk.ts";

export interface Watch extends DiskWatch, BrokerWatch {
  /** A process begins, and has read the store. */
  started(): void;
  died(): void;
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
  picturePublished(topic: string): void;
  rival(there: boolean): void;
  /** The controller publishes to the devices. */
  commanded(topic: string, payload: string): void;
  /** The controller hears a device. */
  heard(topic: string, payload: string, retained: boolean): void;
  checked(resource: string, outcome: "up" | "down" | "error"): void;
  relayMoved(socket: string, relay: number, position: Position, why: "command" | "hand" | "power"): void;
}
