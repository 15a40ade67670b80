// What is retained about a pool, over real brokers, with the same care as for a resource: protocol sections 2, 3 and 10.

import { describe, expect, test } from "vitest";
import type { PoolPicture } from "../../src/core/pictures.ts";
import type { State } from "../../src/core/requests.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, client, picture, retained, running, say } from "./controller.ts";

const pool = (state: State, ready: boolean, time = "T1", free = 2): PoolPicture => ({
  name: "builders",
  object: {
    state,
    level: state === "available" ? 2 : 0,
    users: 0,
    queue: 0,
    free,
    members: 2,
    time,
  },
  ready,
});

for (const { name, needs, start } of brokers) {
  describe(`with ${name}`, needs, () => {
    test("its object, state and ready are retained, and no holders; only what changed is published", async () => {
      const { url } = await start();
      const { front } = await running(url);
      const user = await client(url, ["lastout/builders/#"]);
      front.publishPool(pool("available", true));
      await eventually("all three came", () => user.messages.length === 3);
      expect(await retained(url, "lastout/builders/#")).toEqual({
        "lastout/builders":
          '{"state":"available","level":2,"users":0,"queue":0,"free":2,"members":2,"time":"T1"}',
        "lastout/builders/state": "available",
        "lastout/builders/ready": "1",
      });
      front.publishPool(pool("available", true, "T2"));
      front.publishPool(pool("available", false, "T3", 0));
      await eventually("the change came", () => user.lines().includes("lastout/builders/ready"));
      expect(user.lines().slice(3)).toEqual([
        'lastout/builders {"state":"available","level":2,"users":0,"queue":0,"free":0,"members":2,"time":"T3"}',
        "lastout/builders/ready",
      ]);
    });

    test("ready is not cleared blindly, but a stale 1 from an earlier run is", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/+/ready"]);
      await say(user, "lastout/runners/ready", "1", true);
      const { front, heard } = await running(url);
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      front.publishPool(pool("available", false));
      front.publishPool({ ...pool("available", false), name: "runners" });
      front.publishController({ resources: 0, pools: 2 });
      await eventually("the stale one was cleared", () => user.messages.length === 2);
      front.prove(2);
      await eventually("the marker came back", () => heard.includes("proved 2"));
      expect(user.lines()).toEqual(["lastout/runners/ready 1", "lastout/runners/ready"]);
    });

    test("a stale 1 that is true again is left where it is", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/+/ready"]);
      await say(user, "lastout/builders/ready", "1", true);
      const { front, heard } = await running(url);
      front.publishPool(pool("available", true));
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      expect(user.lines()).not.toContain("lastout/builders/ready");
      expect(await retained(url, "lastout/builders/ready")).toEqual({ "lastout/builders/ready": "1" });
    });

    test("what others write on it is put right, and announced on the pool's events", async () => {
      const { url } = await start();
      const { front } = await running(url);
      front.publishPool(pool("off", false));
      front.publishController({ resources: 0, pools: 1 });
      const user = await client(url, ["lastout/builders/event"]);
      for (const [topic, wrong, right] of [
        ["lastout/builders/ready", "1", undefined],
        ["lastout/builders/state", "available", "off"],
      ] as const) {
        await say(user, topic, wrong, true);
        await eventually(`${topic} was put right`, async () => {
          front.tend();
          return (await retained(url, topic))[topic] === right;
        });
        await eventually(`${topic} was announced`, () =>
          user
            .lines()
            .some(
              (line) => line.includes(`"event":"overwritten","resource":"builders"`) && line.includes(topic),
            ),
        );
      }
    });

    test("a pool that left the configuration leaves nothing behind", async () => {
      const { url } = await start();
      const { front } = await running(url);
      front.publishPool(pool("available", true));
      await eventually(
        "it is there",
        async () => Object.keys(await retained(url, "lastout/builders/#")).length === 2 + 1,
      );
      front.forget("resource", "builders");
      await eventually(
        "it is gone",
        async () => Object.keys(await retained(url, "lastout/builders/#")).length === 0,
      );
    });

    test("a name that was a resource's and is a pool's now has no holders any more", async () => {
      const { url } = await start();
      const { front, lines } = await running(url);
      front.publishResource({ ...picture("available"), name: "builders" });
      front.publishController({ resources: 1, pools: 0 });
      front.forget("resource", "builders");
      front.publishPool(pool("available", true));
      await eventually("the pool is there", async () => {
        const now = await retained(url, "lastout/builders/#");
        return (
          Object.keys(now).toSorted().join() ===
            "lastout/builders,lastout/builders/ready,lastout/builders/state" &&
          now["lastout/builders"]?.includes('"members":2') === true
        );
      });
      expect(lines.filter(({ level }) => level === "warn")).toEqual([]);
    });
  });
}
