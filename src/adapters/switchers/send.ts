// One message to a device over the shared MQTT connection, now or not at all, with the errors that the port promises. Nothing is
// kept for later and nothing is repeated.

import { type Bus, BusError } from "../../ports/bus.ts";
import { SwitcherError } from "../../ports/switcher.ts";

/** @throws SwitcherError `aborted`, or `unreachable` where there is no connection */
export function send(bus: Bus, name: string, topic: string, payload: string, signal: AbortSignal): void {
  if (signal.aborted) {
    throw new SwitcherError("aborted", `${name} was not sent ${topic}: it was no longer wanted`);
  }
  try {
    bus.publish(topic, payload);
  } catch (error) {
    if (error instanceof BusError) {
      throw new SwitcherError("unreachable", noConnection(name), { cause: error });
    }
    throw error;
  }
}

export const noConnection = (name: string): string =>
  `${name} cannot be reached: there is no connection to the MQTT broker`;
