// The load of the benchmark: so many requests in flight, each slot acquiring and releasing one token after the other in a closed loop.
// Latency is what a client sees, from its publish to the reply. Knows nothing of who answers.

import { connectWire } from "../wire.ts";

export interface Target {
  readonly port: number;
  readonly version: 4 | 5;
  readonly base: string;
  readonly resources: readonly string[];
}

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
}

interface Slot {
  readonly resource: string;
  token: string;
  holds: boolean;
  sentAt: number;
}

/** Of the whole time; it warms up the code on both sides and is not counted. */
const warmUpShare = 0.2;
/** A reply that takes longer will not come: the responder is gone or has lost it. */
const patienceMs = 10_000;

let measurements = 0;

/** Resolves when every slot has released what it held. @throws Error when a request is refused or not answered */
export async function measure(target: Target, inFlight: number, ms: number): Promise<Measured> {
  const { base, resources } = target;
  measurements += 1;
  const run = measurements;
  const replyTo = `${base}/reply/bench/${run}`;
  const slots: Slot[] = [];
  const latencies: number[] = [];
  const over = Promise.withResolvers<void>();
  let serial = 0;
  let busy = 0;

  const wire = await connectWire({
    port: target.port,
    version: target.version,
    clientId: `bench-load-${process.pid}-${run}`,
    heard({ payload }) {
      const now = performance.now();
      const text = payload.toString();
      const slot = slots[Number(/"id":"(\d+)"/.exec(text)?.[1])];
      if (slot === undefined || !text.startsWith('{"ok":true')) {
        over.reject(new Error(`a request was refused: ${text}`));
        return;
      }
      if (now >= countFrom && now < countTo) {
        latencies.push(now - slot.sentAt);
      }
      busy -= 1;
      slot.holds = !slot.holds;
      if (now < countTo || slot.holds) {
        send(slot, slots.indexOf(slot), now);
      } else if (busy === 0) {
        over.resolve();
      }
    },
  });

  function send(slot: Slot, index: number, now: number): void {
    busy += 1;
    slot.sentAt = now;
    const fields = { owner: "bench", replyTo, id: String(index) };
    if (slot.holds) {
      wire.publish(`${base}/${slot.resource}/release`, JSON.stringify({ token: slot.token, ...fields }));
      return;
    }
    serial += 1;
    slot.token = `bench-${run}-${serial}`;
    const purpose = "https://ci.lab/job/image/4711/";
    wire.publish(
      `${base}/${slot.resource}/acquire`,
      JSON.stringify({ token: slot.token, purpose, ...fields }),
    );
  }

  await wire.subscribe([replyTo]);
  const began = performance.now();
  const countFrom = began + ms * warmUpShare;
  const countTo = began + ms * (1 + warmUpShare);
  for (let index = 0; index < inFlight; index += 1) {
    const resource = resources[index % resources.length] ?? "";
    slots.push({ resource, token: "", holds: false, sentAt: 0 });
  }
  slots.forEach((slot, index) => send(slot, index, performance.now()));
  const timer = setTimeout(
    () => over.reject(new Error(`${busy} requests are not answered`)),
    ms * (1 + warmUpShare) + patienceMs,
  );
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    await wire.close();
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    perSecond: (latencies.length * 1000) / ms,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    requests: latencies.length,
  };
}

/** @param sorted rising; of an empty list it is 0 */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
