// Two hundred requests at once over a broker that allows twenty messages under way, and in the middle of the answers the controller is
// killed or its connection is cut. Each request has its reply in the end, whichever of them the broker had been told to be done.

import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { connectWire } from "./client.ts";
import { inLab, type Lab, type LabOptions, patience } from "./lab.ts";

const names = Array.from({ length: 10 }, (_, index) => `build${index}`);
const requests = 200;
/** More than are under way, so that replies would wait for room, and less than all. */
const replyOfBreak = [34, 60, 100] as const;

const options: LabOptions = {
  broker: "mosquitto",
  mosquitto: ["max_inflight_messages 20"], // what it does unless told otherwise
  switchers: { rack: { type: "simulated", outlets: names.length, stagger: 0 } },
  resources: Object.fromEntries(names.map((name, index) => [name, { switcher: `rack/${index + 1}` }])),
};

/** Acquires `requests` tokens at once, breaks at that reply, and gives back the tokens that were granted without telling. */
async function unanswered(
  lab: Lab,
  run: { readonly round: number; readonly at: number; readonly breakIt: () => Promise<void> },
): Promise<readonly string[]> {
  const replies = `lastout/reply/round${run.round}`;
  const answered = new Set<string>();
  let broken: Promise<void> | undefined;
  let answeredBefore = 0;
  const asker = await connectWire({ port: lab.port }, ({ topic }) => {
    answered.add(topic);
    if (answered.size === run.at && broken === undefined) {
      answeredBefore = answered.size;
      broken = run.breakIt();
    }
  });
  await asker.subscribe(`${replies}/#`);
  const tokens = Array.from({ length: requests }, (_, index) => `t${run.round}-${index}`);
  await Promise.all(
    tokens.map((token, index) =>
      asker.publish(
        `lastout/${names[index % names.length]}/acquire`,
        JSON.stringify({ token, replyTo: `${replies}/${token}` }),
      ),
    ),
  );
  await eventually("it was broken in the middle", () => broken !== undefined, 10_000);
  await broken;
  expect(answeredBefore).toBeLessThan(requests);
  const missing = (): string[] => tokens.filter((token) => !answered.has(`${replies}/${token}`));
  await eventually("every request is answered", () => missing().length === 0, 15_000).catch(() => undefined);
  await asker.disconnect();
  return missing();
}

interface Cable {
  readonly url: string;
  cut(): void;
  stop(): void;
}

/** Stands between the controller and the broker. */
async function startCable(target: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  // With a reset: three quiet ends in a row would look like somebody with the controller's client id, and it would stop.
  const cut = (): void => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    url: `mqtt://127.0.0.1:${port}`,
    cut,
    stop() {
      server.close();
      cut();
    },
  };
}

/** The lab's controller, started again with a cable between it and the broker. */
async function behindCable(lab: Lab): Promise<Cable> {
  const cable = await startCable(lab.port);
  await lab.controller.stop();
  lab.configure((config) => {
    config["mqtt"] = { url: cable.url, clientId: "lastout-test" };
  });
  lab.start();
  await lab.settled();
  return cable;
}

describe("over mosquitto with max_inflight_messages 20,", { ...needing("mosquitto"), ...patience }, () => {
  it("4.2: a controller killed in the middle of its answers leaves no request without a reply", () =>
    inLab(options, async (lab) => {
      for (const [round, at] of replyOfBreak.entries()) {
        const missing = await unanswered(lab, {
          round,
          at,
          async breakIt() {
            await lab.controller.kill9();
            lab.start();
          },
        });
        expect(missing).toEqual([]);
      }
      await lab.untilOnline();
    }));

  it("4.2: a connection cut in the middle of the answers leaves no request without a reply", () =>
    inLab(options, async (lab) => {
      const cable = await behindCable(lab);
      try {
        for (const [round, at] of replyOfBreak.entries()) {
          const missing = await unanswered(lab, {
            round,
            at,
            breakIt() {
              cable.cut();
              return Promise.resolve();
            },
          });
          expect(missing).toEqual([]);
        }
      } finally {
        cable.stop();
      }
    }));

  it("4.2: waits that are answered in the moment of a cut are answered after it", () =>
    inLab(options, async (lab) => {
      const cable = await behindCable(lab);
      try {
        const tokens = Array.from({ length: 100 }, (_, index) => `w${index}`);
        const answered = new Set<string>();
        const asker = await connectWire({ port: lab.port }, ({ topic }) => {
          answered.add(topic);
          if (answered.size === 1) {
            cable.cut();
          }
        });
        await asker.subscribe("lastout/reply/waits/#");
        // All hundred wait behind one exclusive holder, and are granted together when it leaves.
        await lab.ask("build0/acquire", { token: "alone", mode: "exclusive" });
        await Promise.all(
          tokens.map((token) =>
            asker.publish(
              "lastout/build0/acquire",
              JSON.stringify({
                token,
                wait: "powered",
                timeout: 60,
                replyTo: `lastout/reply/waits/${token}`,
              }),
            ),
          ),
        );
        await lab.ask("build0/tokens");
        expect(answered.size).toBe(0);
        await lab.publish("lastout/build0/release", "alone");
        await eventually("every wait is answered", () => answered.size === tokens.length, 20_000);
        await asker.disconnect();
      } finally {
        cable.stop();
      }
    }));
});
