// What the request link hears, and how: which filters, with which options of MQTT 5. Not what becomes of a message: front.ts.

import type { Subscription } from "./connection-port.ts";
import type { Topics } from "./topics.ts";

/**
 * Requests with retain as published, so that a retained one shows its flag live too, and with those retained delivered at each
 * subscription, so that they are found and cleared. Our own publications are not wanted back, but for the marker.
 */
export function subscriptionsOf(topics: Topics): readonly Subscription[] {
  const requests = topics.requestFilters.map(
    (filter): Subscription => ({ filter, qos: 1, retainAsPublished: true, retainHandling: 0, noLocal: true }),
  );
  // QoS 0: what others wrote while we were away is found by the retained message itself and need not be queued.
  const retained = topics.retainedFilters.map(
    (filter): Subscription => ({ filter, qos: 0, retainAsPublished: true, retainHandling: 0, noLocal: true }),
  );
  return [
    ...retained,
    { filter: topics.controllerEvent, qos: 0, noLocal: true },
    { filter: topics.ping, qos: 0, noLocal: true, retainAsPublished: true },
    { filter: topics.marker, qos: 1 },
    ...requests,
  ];
}
