// The users' side over real brokers: the session, retained requests, replies, the retained picture and rivals, over MQTT 3.1.1
// (aedes) and MQTT 5 (mosquitto). The core is played by an inbox that writes down what it hears.

import type { Announcement } from "../../src/core/effects.ts";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { eventually } from "../support/eventually.ts";
import {
  brokers,
  client,
  granted,
  kindOf,
  launch,
  picture,
  quick20,
  retained,
  running,
  say,
} from "./controller.ts";

const eventAt = (time: string): Announcement => ({
  event: "override",
  resource: "build1",
  time,
  fields: {},
});

for (const { name, five, needs, start } of brokers) {
  describe(`with ${name}`, needs, () => {
    test("the controller says online and who it is, and offline when it stops", async () => {
      const { url } = await start();
      const { front, heard } = await running(url);
      expect(heard).toEqual(["connected"]);
      expect(await retained(url, "lastout/controller/#")).toEqual({
        "lastout/controller/status": "online",
        "lastout/controller/info":
          '{"version":"0.0.0","instance":"instance-1","started":"2026-11-22T08:00:00.000Z","base":"lastout","resources":1,"pools":0,"observe":false}',
      });
      await front.close();
      expect(await retained(url, "lastout/controller/status")).toEqual({
        "lastout/controller/status": "offline",
      });
    });

    test("a request is acknowledged only when it was taken, and comes again otherwise", async () => {
      const { url } = await start();
      const first = await running(url, { answer: false });
      const user = await client(url);
      await say(user, "lastout/build1/acquire", "one");
      await say(user, "lastout/build1/acquire", "two");
      await eventually("the first came", () => first.requests.length === 1);
      await first.front.close();
      const second = await running(url, { instance: "instance-2" });
      await eventually("both came again", () => second.requests.length === 2);
      expect(second.requests.map(({ request }) => request)).toMatchObject([
        { token: "one" },
        { token: "two" },
      ]);
    });

    test("a request that the store could not take is offered again, the next one waits", async () => {
      const { url } = await start();
      const { front, requests } = await running(url, { answer: false });
      const user = await client(url);
      await say(user, "lastout/build1/release", "one");
      await say(user, "lastout/build1/release", "two");
      await eventually("the first came", () => requests.length === 1);
      requests[0]?.taken(false);
      front.tend();
      expect(requests.map(({ request }) => request)).toMatchObject([{ token: "one" }, { token: "one" }]);
      requests[1]?.taken(true);
      await eventually("the second came", () => requests.length === 3);
      expect(requests[2]?.request).toMatchObject({ token: "two" });
    });

    test("requests sent while the controller was away come before the marker", async () => {
      const { url } = await start();
      const first = await running(url);
      await first.front.close();
      const user = await client(url);
      for (const token of ["a", "b", "c"]) {
        await say(user, "lastout/build1/acquire", token);
      }
      const second = await running(url, { instance: "instance-2" });
      second.front.prove(7);
      await eventually("the marker came back", () => second.heard.includes("proved 7"));
      expect(second.requests.map(({ request }) => request)).toMatchObject([
        { token: "a" },
        { token: "b" },
        { token: "c" },
      ]);
    });

    test("a marker of another run proves nothing", async () => {
      const { url } = await start();
      const { front, heard } = await running(url);
      const user = await client(url);
      await say(user, "lastout/controller/marker", '{"instance":"instance-0","attempt":1}');
      await say(user, "lastout/controller/marker", "nonsense");
      front.prove(2);
      await eventually("the marker came back", () => heard.includes("proved 2"));
      expect(heard).toEqual(["connected", "proved 2"]);
    });

    test("a retained request that stands there at the start is refused and cleared, once", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/build1/acquire"]);
      await say(user, "lastout/build1/acquire", "old", true);
      await eventually("the user heard it", () => user.messages.length === 1);
      const { front, requests } = await running(url);
      await eventually("it was cleared", () => user.messages.length === 2);
      front.prove(1);
      front.tend();
      await say(user, "lastout/build1/release", "new");
      await eventually("the next one came", () => requests.length === 2);
      await say(user, "lastout/build1/tokens", '{"replyTo":"cmnd/plug/POWER"}');
      await eventually("the last one came", () => requests.length === 3);
      expect(requests.map(kindOf)).toEqual(["refused retained-request", "release", "refused forbidden"]);
      expect(user.messages[1]?.payload).toHaveLength(0);
      expect(await retained(url, "lastout/build1/#")).toEqual({});
    });

    if (five) {
      test("a live retained request is refused and cleared, and each topic not more than every 5 s", async () => {
        const { url } = await start();
        const clock = systemClock;
        const { requests } = await running(url, { clock });
        const user = await client(url);
        for (const token of ["a", "b", "c"]) {
          await say(user, "lastout/build1/acquire", token, true);
        }
        await say(user, "lastout/build1/release", "x");
        await eventually("all came", () => requests.length >= 4);
        expect(requests.map(kindOf)).toEqual([
          "refused retained-request",
          "refused retained-request",
          "refused retained-request",
          "release",
        ]);
      });

      test("replies go to the reply topic, with correlation data where MQTT 5 carries it", async () => {
        const { url } = await start();
        const { front } = await running(url);
        const user = await client(url, ["lastout/reply/#"]);
        front.reply(
          { topic: "lastout/reply/1", correlation: "AP8=", id: "7", format: "json" },
          granted,
          undefined,
        );
        front.reply(
          { topic: "lastout/reply/2", correlation: undefined, id: undefined, format: "plain" },
          granted,
          undefined,
        );
        await eventually("both came", () => user.messages.length === 2);
        expect(JSON.parse(Buffer.from(user.messages[0]?.payload ?? []).toString())).toEqual({
          ...granted,
          id: "7",
        });
        expect(user.lines()[1]).toBe("lastout/reply/2 ok build1 t off");
        expect([...(user.messages[0]?.correlation ?? [])]).toEqual(five ? [0, 255] : []);
      });
    }

    test("a reply that finds no connection is dropped, and with an outbox number goes out after the next one", async () => {
      const broker = await start();
      const user = await client(broker.url, ["lastout/reply/#"]);
      const to = {
        topic: "lastout/reply/1",
        correlation: undefined,
        id: undefined,
        format: "plain",
      } as const;
      const { heard, front } = await running(broker.url, {
        onLost(without) {
          without.reply(to, { ...granted, token: "dropped" }, undefined);
          without.reply(to, { ...granted, token: "kept" }, 2);
        },
      });
      front.reply(to, granted, 1);
      await eventually("the broker took it", () => heard.includes("replied 1"));
      await broker.cut();
      await eventually("the broker took the second", () => heard.includes("replied 2"));
      expect(heard.filter((word) => word.startsWith("replied"))).toEqual(["replied 1", "replied 2"]);
      // The user may have been away when it was sent; the request link itself has its proof in the PUBACK.
      expect(user.lines()).not.toContain("lastout/reply/1 ok build1 dropped off");
    });

    test("the four topics of a resource are retained; only what changed is published; time alone is no change", async () => {
      const { url } = await start();
      const { front } = await running(url);
      const user = await client(url, ["lastout/build1/#"]);
      front.publishResource(picture("available"));
      await eventually("all four came", () => user.messages.length === 4);
      expect(Object.keys(await retained(url, "lastout/build1/#")).toSorted()).toEqual([
        "lastout/build1",
        "lastout/build1/holders",
        "lastout/build1/ready",
        "lastout/build1/state",
      ]);
      front.publishResource(picture("available", "T2"));
      front.publishResource(picture("off", "T3"));
      await eventually("the change came", () => user.lines().includes("lastout/build1/ready"));
      expect(
        user
          .lines()
          .slice(4)
          .map((line) => line.split(" ")[0]),
      ).toEqual(["lastout/build1", "lastout/build1/state", "lastout/build1/ready"]);
      front.forget("resource", "build1");
      front.announce({ event: "removed", resource: "build1", time: "T", fields: {} });
      await eventually("the end came", () => user.lines().some((line) => line.includes("removed")));
      expect(await retained(url, "lastout/build1/#")).toEqual({});
    });

    test("ready is not cleared blindly, but a stale 1 from an earlier run is", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/+/ready"]);
      await say(user, "lastout/build2/ready", "1", true);
      const { front, heard } = await running(url);
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      front.publishResource(picture("off"));
      front.publishResource({ ...picture("off"), name: "build2" });
      front.publishController({ resources: 2, pools: 0 });
      await eventually("the stale one was cleared", () => user.messages.length === 2);
      front.prove(2);
      await eventually("the marker came back", () => heard.includes("proved 2"));
      expect(user.lines()).toEqual(["lastout/build2/ready 1", "lastout/build2/ready"]);
    });

    test("what others write or delete on the retained picture is put right, at most once per 5 s, and announced", async () => {
      const { url } = await start();
      const { front } = await running(url);
      const user = await client(url, ["lastout/build1/state", "lastout/build1/event"]);
      front.publishResource(picture("off"));
      front.publishController({ resources: 1, pools: 0 });
      await eventually("it came", () => user.messages.length >= 2);
      const before = user.messages.length;
      await say(user, "lastout/build1/state", "available", true);
      await eventually("it was put right", () => {
        front.tend();
        return (
          user
            .lines()
            .slice(before)
            .filter((line) => line === "lastout/build1/state off").length === 1
        );
      });
      await eventually("it was announced", () =>
        user.lines().some((line) => line.includes('"event":"overwritten"')),
      );
      await say(user, "lastout/build1/state", "", true);
      await eventually("the deletion was put right, too", () => {
        front.tend();
        return (
          user
            .lines()
            .slice(before)
            .filter((line) => line === "lastout/build1/state off").length === 2
        );
      });
      expect(await retained(url, "lastout/build1/state")).toEqual({ "lastout/build1/state": "off" });
    });

    test("our own changes, however fast, are not taken for another's", async () => {
      const { url } = await start();
      const { front, heard, lines } = await running(url);
      front.publishController({ resources: 1, pools: 0 });
      for (let n = 0; n < 200; n += 1) {
        front.publishResource(picture(n % 2 === 0 ? "off" : "available", `T${n}`, n));
      }
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      for (let n = 0; n < 20; n += 1) {
        await systemClock.sleep(quick20);
        front.tend();
      }
      expect(lines.filter((line) => line.level === "warn")).toEqual([]);
    });

    test("offline on our status while we are online is put right", async () => {
      const { url } = await start();
      const { front } = await running(url);
      front.publishController({ resources: 1, pools: 0 });
      const user = await client(url, ["lastout/controller/status"]);
      await say(user, "lastout/controller/status", "offline", true);
      await eventually("it was put right", () => {
        front.tend();
        return user.lines().at(-1) === "lastout/controller/status online";
      });
    });

    test("everything is published again after a broker lost its connections", async () => {
      const broker = await start();
      const { front, heard } = await running(broker.url);
      front.publishResource(picture("off"));
      await broker.cut();
      await eventually("it is back", () => heard.filter((word) => word === "connected").length === 2);
      expect(heard).toEqual(["connected", "lost", "connected"]);
      const user = await client(broker.url, ["lastout/build1/state"]);
      const before = user.messages.length;
      front.publishController({ resources: 1, pools: 0 });
      await eventually("it came again", () =>
        user.lines().slice(before).includes("lastout/build1/state off"),
      );
    });

    test("a second controller on the base refuses to start and names the first; the first goes on", async () => {
      const { url } = await start();
      const first = await running(url);
      const second = launch(url, { instance: "instance-2", clientId: "other" });
      await expect(second.started).rejects.toMatchObject({
        code: "rival",
        message:
          "another controller (instance instance-1) serves lastout already; stop it, or use another mqtt.base",
      });
      expect(first.heard).toEqual(["connected"]);
    });

    test("events of a start are told with the first connection; those of a lost one are gone", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/build1/event", "lastout/controller/event"]);
      const alone: string[] = [];
      const { front, started, heard } = launch(url, { alone: () => alone.push(...heard, "alone") });
      front.announce(eventAt("early"));
      await started;
      expect(alone).toEqual(["alone"]); // before it was connected
      front.announce(eventAt("now"));
      await eventually("both are told", () => user.messages.length === 2);
      expect(user.lines().map((line) => /"time":"(\w+)"/.exec(line)?.[1])).toEqual(["early", "now"]);
      await front.close();
      front.announce(eventAt("late"));
      await say(user, "lastout/controller/event", "the end");
      await eventually("the end came", () => user.lines().some((line) => line.endsWith("the end")));
      expect(user.messages.length).toBe(3);
    });

    test("a status online that nobody answers for is stale", async () => {
      const { url } = await start();
      const user = await client(url, ["lastout/controller/ping"]);
      await say(user, "lastout/controller/status", "online", true);
      await say(user, "lastout/controller/info", '{"instance":"dead-1"}', true);
      const { front, heard } = await running(url);
      expect(user.lines()).toEqual(["lastout/controller/ping instance-1"]);
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      expect(heard).toEqual(["connected", "proved 1"]);
      expect((await retained(url, "lastout/controller/info"))["lastout/controller/info"]).toContain(
        "instance-1",
      );
    });

    test("a rival that turns up later is reported, asked, and reported gone when it does not answer", async () => {
      const { url } = await start();
      const { front, heard } = await running(url);
      front.publishController({ resources: 1, pools: 0 });
      const user = await client(url, ["lastout/controller/#"]);
      await say(user, "lastout/controller/info", '{"instance":"rival-1"}', true);
      await eventually("it was heard", () => heard.includes("rival rival-1"));
      front.tend();
      await eventually("it was asked", () => user.lines().includes("lastout/controller/ping instance-1"));
      await say(user, "lastout/controller/event", '{"event":"pong","instance":"rival-1","to":"instance-1"}');
      // It answered, so it is asked again 10 s later; then it is silent.
      await eventually("it was asked again", () => {
        front.tend();
        return user.lines().filter((line) => line === "lastout/controller/ping instance-1").length === 2;
      });
      expect(heard).not.toContain("rival gone");
      await eventually("it is gone", () => {
        front.tend();
        return heard.includes("rival gone");
      });
      await eventually("our info stands there again", async () =>
        Object.values(await retained(url, "lastout/controller/info")).some((info) =>
          info.includes("instance-1"),
        ),
      );
    });

    test("a stranger with our client id: after three take-overs the controller stops and says so", async () => {
      const { url } = await start();
      const { heard } = await running(url, { clock: systemClock });
      // A client that comes back as soon as we are there.
      let count = 0;
      await eventually(
        "the controller stops",
        async () => {
          if (heard.filter((word) => word === "connected").length > count) {
            count += 1;
            const stranger = await client(url, [], { clientId: "controller", reconnect: false });
            expect(stranger.connection.connected).toBe(true);
          }
          return heard.some((word) => word.startsWith("failed:"));
        },
        10_000,
      );
      expect(heard.at(-1)).toBe(
        "failed: another client uses the client id 'controller': the connection was taken over 3 times within 10 s. Give each client its own id (mqtt.clientId).",
      );
    }, 15_000);

    test("a flood of pings is answered with few events", async () => {
      const { url } = await start();
      const { front, heard } = await running(url);
      const user = await client(url, ["lastout/controller/event"]);
      for (let n = 0; n < 50; n += 1) {
        await say(user, "lastout/controller/ping", `someone-${n}`);
      }
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"));
      front.announce({ event: "rival", resource: undefined, time: "T", fields: {} });
      await eventually("the end came", () => user.lines().some((line) => line.includes("rival")));
      expect(user.messages.length).toBe(11);
    });

    test("2,000 resources are published again without losing the connection", async () => {
      const { url } = await start();
      const { front, heard } = await running(url);
      for (let n = 0; n < 2000; n += 1) {
        front.publishResource({ ...picture("off"), name: `r${n}` });
      }
      front.publishController({ resources: 2000, pools: 0 });
      front.prove(1);
      await eventually("the marker came back", () => heard.includes("proved 1"), 15_000);
      expect(heard).toEqual(["connected", "proved 1"]);
    }, 20_000);
  });
}

test("a controller that cannot reach its broker goes on trying, says so once, and can be closed", async () => {
  const { front, lines, started } = launch("mqtt://127.0.0.1:9");
  await eventually("it tried", () => lines.some((line) => line.level === "warn"));
  await systemClock.sleep(quick20);
  await front.close();
  await started;
  expect(lines.filter((line) => line.level === "warn").map((line) => line.fields)).toEqual([
    { reason: "mqtt://127.0.0.1:9 refuses connections: nothing listens there" },
  ]);
});
