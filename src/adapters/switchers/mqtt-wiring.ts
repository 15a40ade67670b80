// What a device on MQTT is told and how it speaks, for any device: the one shape that presets and plain options come to, and the
// `{{...}}` in it. Pure. Not for what follows from a message: that is mqtt.ts.

import type { JsonPath } from "../json-path.ts";

/** Somewhere on a topic, in a message's JSON or (without a path) as the whole message. */
export interface Place {
  readonly topic: string;
  readonly path: JsonPath | undefined;
}

export interface Request {
  readonly topic: string;
  readonly payload: string;
}

export interface Query extends Request {
  /**
   * A topic on which the device answers the question without telling its position. What is retained as its state is believed after
   * such an answer, and only then: the device lives, and it tells every change before it tells anything later.
   */
  readonly answer: string | undefined;
}

export interface Availability extends Place {
  readonly online: string;
  readonly offline: string;
}

export interface Meter extends Place {
  /** What the value is multiplied by to be watts, or kilowatt-hours. */
  readonly scale: number;
}

export interface Wiring {
  readonly command: { readonly topic: string; readonly on: string; readonly off: string };
  /** Where it tells its position; empty: it never does. */
  readonly state: readonly Place[];
  readonly stateOn: string;
  readonly stateOff: string;
  readonly query: Query | undefined;
  /** Asks for a fresh reading; `undefined` where nothing does. */
  readonly measure: Request | undefined;
  readonly availability: readonly Availability[];
  /** Somebody else speaks for the device, and repeats what it knew of it: nothing that it says while it calls the device offline counts. */
  readonly bridged: boolean;
  readonly power: readonly Meter[];
  readonly energy: readonly Meter[];
}

/** What stands for the placeholders of one outlet: `outlet` (from 1), `index` (from 0), `channel`, and `name` of the switcher. */
export type Names = Readonly<Record<string, string>>;

/** A number that no other request of this switcher has. */
export const freshId = "id";

const placeholder = /\{\{([^{}]*)\}\}/g;

/** Every placeholder that stands in a text. */
export const placeholdersIn = (text: string): readonly string[] =>
  [...text.matchAll(placeholder)].map(([, name = ""]) => name);

/** Those that are not known stay, for a later filling. */
export const fill = (text: string, names: Names): string =>
  text.replaceAll(placeholder, (whole, name: string) =>
    Object.hasOwn(names, name) ? String(names[name]) : whole,
  );

/** The same wiring with the placeholders of one outlet filled in, all but `{{id}}`. */
export function wiringOf(wiring: Wiring, names: Names): Wiring {
  const text = (template: string): string => fill(template, names);
  const place = <One extends Place>(one: One): One => ({
    ...one,
    topic: text(one.topic),
    path: one.path?.map((part) => (typeof part === "number" ? part : text(part))),
  });
  const request = <One extends Request>(one: One): One => ({
    ...one,
    topic: text(one.topic),
    payload: text(one.payload),
  });
  return {
    ...wiring,
    command: {
      topic: text(wiring.command.topic),
      on: text(wiring.command.on),
      off: text(wiring.command.off),
    },
    state: wiring.state.map(place),
    query:
      wiring.query === undefined
        ? undefined
        : {
            ...request(wiring.query),
            answer: wiring.query.answer === undefined ? undefined : text(wiring.query.answer),
          },
    measure: wiring.measure === undefined ? undefined : request(wiring.measure),
    availability: wiring.availability.map(place),
    power: wiring.power.map(place),
    energy: wiring.energy.map(place),
  };
}
