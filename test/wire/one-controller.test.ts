// One controller for each base and store, by the protocol's section 8.3, with real processes that get in each other's way.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { createController } from "./controller.ts";
import { brokers, inLab, type Lab } from "./lab.ts";

/** Another configuration for the same broker. */
function another(lab: Lab, name: string, changes: object): string {
  const file = join(lab.folder, `${name}.yaml`);
  const config = {
    mqtt: { url: lab.url, clientId: name },
    store: { path: join(lab.folder, `${name}.db`) },
    switchers: { other: { type: "simulated" } },
    resources: { other: { switcher: "other" } },
    ...changes,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const instanceOf = (lab: Lab): string =>
  String(lab.observer.objects("lastout/controller/info").at(-1)?.["instance"]);

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("8.3 over %s,", (_title, one) => {
  const { broker, options } = one;

  it(
    "a second controller on the same base refuses to start, names the other, and exits with 75",
    options,
    () =>
      inLab({ broker, sockets: { build1: {} } }, async (lab) => {
        const second = createController(another(lab, "second", {}));
        second.start();
        expect(await second.ended).toBe(75);
        expect(second.log()).toContain(instanceOf(lab));
        expect(lab.events("controller", "pong")).toHaveLength(1);
        expect(await lab.ask("build1/acquire", { token: "a", wait: "powered" })).toMatchObject({ ok: true });
        const retained = await lab.retained();
        expect(retained.get("lastout/controller/status")).toBe("online");
        expect(retained.has("lastout/other/state")).toBe(false);
      }),
  );

  it(
    "a second controller that is refused leaves the devices of the first alone, also with its client id",
    options,
    () =>
      inLab({ broker, sockets: { build1: {} } }, async (lab) => {
        const second = createController(
          another(lab, "second", { mqtt: { url: lab.url, clientId: "lastout-test" } }),
        );
        second.start();
        expect(await second.ended).toBe(75);
        expect(second.log()).not.toContain("for the devices");
        await lab.ask("build1/tokens");
        expect(lab.controller.log()).not.toContain("No connection to the broker for the devices");
      }),
  );

  it("a second controller on another base serves beside the first", options, () =>
    inLab({ broker, sockets: { build1: {} } }, async (lab) => {
      const second = createController(
        another(lab, "second", { mqtt: { url: lab.url, base: "annex", clientId: "second" } }),
      );
      second.start();
      await eventually(
        "it is online",
        () => lab.observer.last("annex/controller/status") === "online",
        10_000,
      );
      expect(await second.stop()).toBe(0);
      expect(lab.observer.last("lastout/controller/status")).toBe("online");
    }),
  );

  it(
    "a second controller on the same store refuses at once, with 75, and after kill -9 the next one starts",
    options,
    () =>
      inLab({ broker, sockets: { build1: {} } }, async (lab) => {
        const store = { path: join(lab.folder, "lastout.db") };
        const second = createController(
          another(lab, "second", { store, mqtt: { url: lab.url, base: "annex", clientId: "second" } }),
        );
        second.start();
        expect(await second.ended).toBe(75);
        expect(second.log()).toContain("lastout.db");
        await lab.crash();
        await lab.settled();
        expect(await lab.ask("build1/acquire", { token: "a" })).toMatchObject({ ok: true });
      }),
  );

  it("10: a stranger with its client id makes it stop after three take-overs, and say so", options, () =>
    inLab({ broker, sockets: { build1: {} } }, async (lab) => {
      await lab.ask("build1/acquire", { token: "a", wait: "powered" });
      let takeOvers = 0;
      while (lab.controller.running && takeOvers < 6) {
        const from = lab.observer.heard.length;
        const stranger = await lab.connect({ clientId: "lastout-test" }).catch(() => undefined);
        takeOvers += stranger === undefined ? 0 : 1;
        await Promise.race([stranger?.closed, lab.controller.ended]);
        // Who is cut off while it writes sees a reset, which is no sign of a take-over: let it come to rest, or to its end.
        await eventually(
          "it has published its picture",
          () =>
            !lab.controller.running ||
            lab.observer.heard.slice(from).some(({ topic }) => topic === "lastout/build1/ready"),
        );
      }
      // These brokers name no reason: a close after a long connection, or a reset in the middle of a message, is not counted.
      expect(takeOvers).toBeGreaterThanOrEqual(3);
      expect(lab.controller.log()).toContain("taken over 3 times within 10 s");
      expect(await lab.controller.ended).toBe(75);
      expect(lab.controller.log()).toContain("another client uses the client id 'lastout-test'");
      expect(lab.socket("build1").relay(1).history).toHaveLength(1);
    }),
  );

  it("a controller that hears another commands nothing until that one turns out to be gone", options, () =>
    inLab({ broker, sockets: { build1: {} } }, async (lab) => {
      const ghost = JSON.stringify({ version: "9", instance: "ghost-1", base: "lastout" });
      const appeared = performance.now();
      await lab.publish("lastout/controller/info", ghost, { retain: true });
      await eventually("it asks", () =>
        lab.observer.heard.find(({ topic }) => topic === "lastout/controller/ping"),
      );
      expect(await lab.ask("build1/acquire", { token: "a" })).toMatchObject({ ok: true });
      expect(lab.socket("build1").relay(1).history).toEqual([]);
      await lab.untilObject("build1", { state: "available" }, 15_000);
      expect((lab.socket("build1").relay(1).history[0]?.at ?? 0) - appeared).toBeGreaterThanOrEqual(3000);
      expect(lab.controller.log()).toContain("ghost-1");
      await eventually("its own info stands there again", async () =>
        (await lab.retained()).get("lastout/controller/info")?.includes(instanceOf(lab)),
      );
    }),
  );

  if (broker === "mosquitto") {
    it(
      "a retained 'online' of one that does not answer is stale, and does not keep a controller from starting",
      options,
      () =>
        inLab({ broker, sockets: { build1: {} } }, async (lab) => {
          await lab.controller.stop();
          await lab.publish("lastout/controller/status", "online", { retain: true });
          await lab.publish("lastout/controller/info", JSON.stringify({ instance: "ghost-2" }), {
            retain: true,
          });
          lab.start();
          await lab.settled();
          expect(lab.observer.heard.filter(({ topic }) => topic === "lastout/controller/ping")).toHaveLength(
            1,
          );
          expect(await lab.ask("build1/acquire", { token: "a", wait: "powered" })).toMatchObject({
            ok: true,
          });
        }),
    );
  }
});
