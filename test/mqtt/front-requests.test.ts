// Requests over real brokers: that each is heard once whatever its topic, that retained ones are cleared and their clearing starts
// nothing, and what a reload of the configuration changes for those that come after it.

import { describe, expect, test } from "vitest";
import type { Reply, Request } from "../../src/core/requests.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, client, type Controller, granted, kindOf, retained, running, say } from "./controller.ts";

/** Waits until everything that was published before has come to the controller. */
async function settled({ front, heard }: Controller, attempt: number): Promise<void> {
  front.prove(attempt);
  await eventually("the marker came back", () => heard.includes(`proved ${attempt}`));
}

const subjectOf = (request: Request): string =>
  `${request.kind} ${request.resource ?? "several"} ${request.kind === "refused" ? request.error : (request.user ?? "-")}`;

/** JSON of exactly this many bytes. */
const of = (size: number): string => `{"token":"t"${" ".repeat(size - 13)}}`;

const everyRequest = [
  ["build1/acquire", "t", "acquire build1"],
  ["build1/renew", "t", "renew build1"],
  ["build1/release", "t", "release build1"],
  ["build1/override", "off", "override build1"],
  ["build1/cycle", "", "cycle build1"],
  ["build1/tokens", "", "tokens build1"],
  ["controller/acquire", '{"resources":["build1","lamp"]}', "acquire several"],
  ["controller/renew", "t", "renew several"],
  ["controller/release", "t", "release several"],
] as const;

for (const { name, five, needs, start } of brokers) {
  describe(`with ${name}`, needs, () => {
    test("every request is heard once, with and without a user, and nothing else below the reserved names", async () => {
      const { url } = await start();
      const controller = await running(url);
      const user = await client(url);
      for (const other of ["controller/cycle", "controller/tokens", "reply/acquire", "switcher/release"]) {
        await say(user, `lastout/${other}`, "t");
      }
      for (const [topic, payload] of everyRequest) {
        await say(user, `lastout/${topic}`, payload);
        await say(user, `lastout/${topic}/laforge`, payload);
      }
      await settled(controller, 1);
      expect(controller.requests.map(({ request }) => subjectOf(request))).toEqual(
        everyRequest.flatMap(([, , subject]) => [`${subject} -`, `${subject} laforge`]),
      );
    });

    test("every request that came while the controller was away is carried out when it is back", async () => {
      const { url } = await start();
      const first = await running(url);
      await first.front.close();
      const user = await client(url);
      for (const [topic, payload] of everyRequest) {
        await say(user, `lastout/${topic}`, payload);
      }
      const second = await running(url, { instance: "instance-2" });
      // Not by the marker: aedes lets it overtake what it had kept.
      await eventually("all came", () => second.requests.length >= everyRequest.length);
      await settled(second, 1);
      expect(second.requests.map(({ request }) => subjectOf(request))).toEqual(
        everyRequest.map(([, , subject]) => `${subject} -`),
      );
    });

    test("every retained request that stands there is refused and cleared, and its clearing starts nothing", async () => {
      const { url } = await start();
      const user = await client(url);
      const topics = everyRequest.flatMap(([topic]) => [`lastout/${topic}`, `lastout/${topic}/laforge`]);
      for (const topic of topics) {
        await say(user, topic, "{}", true);
      }
      const controller = await running(url);
      await eventually("all were found", () => controller.requests.length === topics.length);
      const standing = async (): Promise<string[]> =>
        Object.keys(await retained(url, "lastout/#")).filter((topic) => topics.includes(topic));
      await eventually("all were cleared", async () => (await standing()).length === 0);
      for (let n = 1; n < 11; n += 1) {
        controller.front.tend();
        await settled(controller, n);
      }
      expect(controller.requests.map(kindOf)).toEqual(topics.map(() => "refused retained-request"));
      expect(await standing()).toEqual([]);

      await say(user, "lastout/build1/cycle", "");
      await settled(controller, 12);
      expect(controller.requests.slice(topics.length).map(kindOf)).toEqual(["cycle"]);
    });

    if (five) {
      test("an empty retained message on cycle is a clearing and no power cycle, live, too", async () => {
        const { url } = await start();
        const controller = await running(url);
        const user = await client(url);
        await say(user, "lastout/build1/cycle", "", true);
        await say(user, "lastout/build1/tokens", "");
        await settled(controller, 1);
        expect(controller.requests.map(kindOf)).toEqual(["tokens"]);
      });

      test("a live retained request of an operator is refused and cleared", async () => {
        const { url } = await start();
        const controller = await running(url);
        const user = await client(url);
        await say(user, "lastout/build1/override", "off", true);
        await say(user, "lastout/controller/acquire", '{"resources":["build1"]}', true);
        await settled(controller, 1);
        expect(controller.requests.map(kindOf)).toEqual([
          "refused retained-request",
          "refused retained-request",
        ]);
        expect(await retained(url, "lastout/build1/override")).toEqual({});
        expect(await retained(url, "lastout/controller/acquire")).toEqual({});
      });
    }

    test("every kind of reply is sent in both formats", async () => {
      const { url } = await start();
      const controller = await running(url);
      const user = await client(url, ["lastout/reply/#"]);
      const several: Reply = { ...granted, resource: undefined, resources: ["build1", "lamp"] };
      const overridden: Reply = { ok: true, resource: "build1", override: "off", state: "powered", users: 0 };
      const tokens: Reply = {
        ok: true,
        resource: "builders",
        state: "off",
        total: 0,
        holders: [],
        queue: [],
      };
      const replies = [several, overridden, tokens];
      for (const [n, reply] of replies.entries()) {
        for (const format of ["json", "plain"] as const) {
          const to = { topic: `lastout/reply/${n}/${format}`, correlation: undefined, id: undefined, format };
          controller.front.reply(to, reply, undefined);
        }
      }
      await eventually("all came", () => user.messages.length === 6);
      expect(user.lines().toSorted()).toEqual([
        'lastout/reply/0/json {"ok":true,"resources":["build1","lamp"],"token":"t","owner":"anonymous","state":"off","users":1,"ttl":60,"expires":"T2"}',
        "lastout/reply/0/plain ok build1,lamp t off",
        'lastout/reply/1/json {"ok":true,"resource":"build1","override":"off","state":"powered","users":0}',
        "lastout/reply/1/plain ok build1 - powered",
        'lastout/reply/2/json {"ok":true,"resource":"builders","state":"off","total":0,"holders":[],"queue":[]}',
        "lastout/reply/2/plain ok builders - off",
      ]);
    });

    test("a reload changes the size of payloads for what comes after it", async () => {
      const { url } = await start();
      const controller = await running(url, { payloadLimit: 300 });
      const user = await client(url);
      const settings = { access: "open", observe: false, counts: { resources: 1, pools: 0 } } as const;
      await say(user, "lastout/build1/acquire", of(300));
      await say(user, "lastout/build1/acquire", of(301));
      await settled(controller, 1);
      controller.front.reconfigure({ ...settings, payloadLimit: 301 });
      await say(user, "lastout/build1/acquire", of(301));
      await say(user, "lastout/build1/acquire", of(302));
      await settled(controller, 2);
      expect(controller.requests.map(kindOf)).toEqual([
        "acquire",
        "refused too-large",
        "acquire",
        "refused too-large",
      ]);
    });

    test("a reload changes who may ask for what comes after it, and is undone by the next", async () => {
      const { url } = await start();
      const controller = await running(url);
      const user = await client(url);
      const settings = { payloadLimit: 16_384, observe: false, counts: { resources: 1, pools: 0 } } as const;
      const ask = async (attempt: number): Promise<string[]> => {
        const before = controller.requests.length;
        await say(user, "lastout/build1/cycle", "");
        await say(user, "lastout/build1/cycle/laforge", '{"replyTo":"lastout/reply/1"}');
        await say(user, "lastout/build1/cycle/laforge", '{"replyTo":"lastout/reply/laforge/1"}');
        await settled(controller, attempt);
        return controller.requests.slice(before).map(kindOf);
      };
      expect(await ask(1)).toEqual(["cycle", "cycle", "cycle"]);
      controller.front.reconfigure({ ...settings, access: "users" });
      expect(await ask(2)).toEqual(["refused forbidden", "refused forbidden", "cycle"]);
      expect(controller.requests.slice(3, 5).map(({ request }) => request.replyTo)).toEqual([
        undefined,
        undefined,
      ]);
      controller.front.reconfigure({ ...settings, access: "open" });
      expect(await ask(3)).toEqual(["cycle", "cycle", "cycle"]);
    });

    test("a reload shows in the controller's info at once", async () => {
      const { url } = await start();
      const { front } = await running(url);
      front.reconfigure({
        access: "open",
        payloadLimit: 16_384,
        observe: true,
        counts: { resources: 3, pools: 2 },
      });
      await eventually("it is there", async () => {
        const { "lastout/controller/info": info = "{}" } = await retained(url, "lastout/controller/info");
        return info.includes('"resources":3,"pools":2,"observe":true');
      });
      front.publishController({ resources: 4, pools: 1 });
      await eventually("the counts are there", async () => {
        const { "lastout/controller/info": info = "{}" } = await retained(url, "lastout/controller/info");
        return info.includes('"resources":4,"pools":1,"observe":true');
      });
    });
  });
}

test("who cannot be told of a refusal stands in the log, once a minute at most", async () => {
  const [broker] = brokers;
  const { url } = (await broker?.start()) ?? { url: "" };
  const controller = await running(url, { access: "users" });
  const user = await client(url);
  for (let n = 0; n < 5; n += 1) {
    await say(user, "lastout/build1/acquire", "t");
  }
  await settled(controller, 1);
  expect(controller.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields)).toEqual([
    {
      topic: "'lastout/build1/acquire'",
      reason: "a request must name its user, as its topic's last level: lastout/build1/acquire/<user>",
      count: 1,
    },
  ]);
});
