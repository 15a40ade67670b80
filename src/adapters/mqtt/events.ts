// Events on their way out: QoS 0, each on the topic of its resource or of the controller. What is told, and when, is decided elsewhere.

import type { Announcement } from "../../core/effects.ts";
import { isName, reservedNames } from "../../core/names.ts";
import { encodeAnnouncement, type OwnAnnouncement } from "./encode.ts";
import type { Topics } from "./topics.ts";

export interface Events {
  /** Without a connection it is gone; before the first one it is kept for that. */
  readonly announce: (announcement: Announcement | OwnAnnouncement) => void;
  readonly connected: () => void;
}

/** Events of a start: at most this many wait for the first connection, which may be hours away. */
const mostEarly = 1000;

export function createEvents(parts: {
  readonly topics: Topics;
  readonly connected: () => boolean;
  readonly send: (topic: string, payload: string) => void;
}): Events {
  const { topics } = parts;
  /** What was decided at the start, before the first connection, is told with it; what happens while it is lost is not. */
  let early: (Announcement | OwnAnnouncement)[] | undefined = [];

  function announce(announcement: Announcement | OwnAnnouncement): void {
    if (!parts.connected()) {
      if (early !== undefined && early.length < mostEarly) {
        early.push(announcement);
      }
      return;
    }
    const { resource } = announcement;
    const named = resource !== undefined && isName(resource) && !reservedNames.includes(resource);
    const topic = named ? topics.resource(resource).event : topics.controllerEvent;
    parts.send(topic, encodeAnnouncement(announcement));
  }

  return {
    announce,
    connected() {
      const kept = early ?? [];
      early = undefined;
      kept.forEach(announce);
    },
  };
}
