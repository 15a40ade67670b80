// The floor of the benchmark: a responder as bare as can be, in a process of its own. For each request one retained state and one reply,
// both QoS 1, over the same kind of socket as the load. No tokens, no store, no checks.
//
//   node tools/bench/echo.ts PORT BASE

import { connectWire, type Wire } from "../wire.ts";

const [port = "", base = ""] = process.argv.slice(2);
let users = 0;

const wire: Wire = await connectWire({
  port: Number(port),
  version: 5,
  clientId: `${base}-responder`,
  heard({ topic, payload }) {
    const resource = topic.slice(base.length + 1, topic.lastIndexOf("/"));
    const { token, replyTo, id } = requestIn(payload.toString());
    users += topic.endsWith("/acquire") ? 1 : -1;
    const state = { state: "available", level: 2, phase: "in-use", users, time: new Date().toISOString() };
    wire.publish(`${base}/${resource}`, JSON.stringify(state), { retain: true });
    wire.publish(replyTo, JSON.stringify({ ok: true, resource, token, state: "available", users, id }));
  },
});
await wire.subscribe([`${base}/+/acquire`, `${base}/+/release`]);
console.log("ready");
await wire.closed;

function requestIn(text: string): { readonly token: string; readonly replyTo: string; readonly id: string } {
  // The load of this benchmark writes these three, and nobody else uses this base topic.
  return JSON.parse(text) as { token: string; replyTo: string; id: string }; // oxlint-disable-line typescript/no-unsafe-type-assertion -- see above
}
