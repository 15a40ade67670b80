// What nobody should send: topics, payloads, numbers, fields and frames that are wrong in every way known. Each has its documented error
// and leaves nothing behind: no token, no topic, no command, an unchanged picture, and a controller that goes on.

import { beforeAll, describe, expect, it } from "vitest";
import { generate } from "mqtt-packet";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { brokers, type Lab, patience, startLab } from "./lab.ts";
import { objectIn } from "./observer.ts";
import { slackMs } from "./slack.ts";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const json = (fields: object): string => JSON.stringify(fields);
const nested = (depth: number): string => `{"token":"a","purpose":${"[".repeat(depth)}${"]".repeat(depth)}}`;

/** Title, payload for `acquire` and the error that its event has. */
const payloads: readonly (readonly [string, string | Uint8Array, string])[] = [
  // 2.17: the form
  ["nothing", "", "invalid-request"],
  ["blanks", "   ", "invalid-request"],
  ["two lines", "a\nb", "invalid-request"],
  ["an opening brace alone", "{", "invalid-request"],
  ["half an object", '{"token":"a"', "invalid-request"],
  ["something behind the object", '{"token":"a"} {}', "invalid-request"],
  ["an array", "[]", "invalid-request"],
  ["an array with an object", '[{"token":"a"}]', "invalid-request"],
  ["a quoted string", '"a"', "invalid-request"],
  ["bytes that are not UTF-8", bytes(0x7b, 0xff, 0xfe, 0x7d), "invalid-request"],
  ["an overlong UTF-8 form", bytes(0xc0, 0xaf), "invalid-request"],
  ["a surrogate in UTF-8", bytes(0xed, 0xa0, 0x80), "invalid-request"],
  ["a byte order mark", bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d), "invalid-request"],
  ["a NUL", bytes(0x61, 0), "invalid-request"],
  ["a NUL within JSON", '{"token":"a\u0000"}', "invalid-request"],
  ["one byte more than 16 KiB", `{"token":"a","purpose":"${"x".repeat(16_384 - 25)}"}`, "too-large"],
  ["60 kB", "x".repeat(60_000), "too-large"],
  ["70 kB", "x".repeat(70_000), "too-large"],
  ["200 kB of JSON", `{"token":"a","purpose":"${"x".repeat(200_000)}"}`, "too-large"],
  ["nesting of 9", nested(8), "invalid-request"],
  ["nesting of 5,000", nested(5000), "invalid-request"],
  ["nesting of 25,000", nested(25_000), "too-large"],
  ["nested objects", `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`, "invalid-request"],
  ["a key twice", '{"token":"a","token":"b"}', "invalid-request"],
  ["a key twice, once escaped", '{"token":"a","t\\u006fken":"b"}', "invalid-request"],
  ["__proto__", '{"token":"a","__proto__":{"ttl":1}}', "invalid-request"],
  ["constructor", '{"token":"a","constructor":{"prototype":{"x":1}}}', "invalid-request"],
  // 2.18: numbers
  ["ttl 0", '{"token":"a","ttl":0}', "invalid-request"],
  ["ttl -0", '{"token":"a","ttl":-0}', "invalid-request"],
  ["ttl -5", '{"token":"a","ttl":-5}', "invalid-request"],
  ["ttl with a part of a millisecond", '{"token":"a","ttl":1.0005}', "invalid-request"],
  ["ttl 1e999", '{"token":"a","ttl":1e999}', "invalid-request"],
  ["ttl NaN", '{"token":"a","ttl":NaN}', "invalid-request"],
  ['ttl "NaN"', '{"token":"a","ttl":"NaN"}', "invalid-request"],
  ["ttl true", '{"token":"a","ttl":true}', "invalid-request"],
  ["ttl null", '{"token":"a","ttl":null}', "invalid-request"],
  ['ttl ""', '{"token":"a","ttl":""}', "invalid-request"],
  ["ttl []", '{"token":"a","ttl":[]}', "invalid-request"],
  ['ttl "1h "', '{"token":"a","ttl":"1h "}', "invalid-request"],
  ['ttl "PT1H"', '{"token":"a","ttl":"PT1H"}', "invalid-request"],
  ['ttl "1H"', '{"token":"a","ttl":"1H"}', "invalid-request"],
  ["ttl 86,401", '{"token":"a","ttl":86401}', "ttl-too-long"],
  ["timeout -1", '{"token":"a","timeout":-1}', "invalid-request"],
  ["timeout 1e999", '{"token":"a","timeout":1e999}', "invalid-request"],
  // fields
  ["an unknown field", '{"token":"a","tll":1}', "invalid-request"],
  ["a priority above 100", '{"token":"a","priority":101}', "invalid-request"],
  ["another mode", '{"token":"a","mode":"sole"}', "invalid-request"],
  ["wait up", '{"token":"a","wait":"up"}', "invalid-request"],
  ["format xml", '{"token":"a","format":"xml"}', "invalid-request"],
  ["a number as token", '{"token":1}', "invalid-request"],
  ["an empty token", '{"token":""}', "invalid-request"],
  ["a token with /", "a/b", "invalid-request"],
  ["a token with +", "a+b", "invalid-request"],
  ["a token with #", "a#b", "invalid-request"],
  ["a token with a blank", "a b", "invalid-request"],
  ["a token of 129 characters", "x".repeat(129), "invalid-request"],
  ["a token with an emoji", "job-🙂", "invalid-request"],
  ["a token with a right-to-left override", "job-\u202Etxt", "invalid-request"],
  ["a token with a zero-width blank", "job\u200B", "invalid-request"],
  ["a token with a Cyrillic letter", "j\u043Eb", "invalid-request"],
  ["an owner with /", json({ token: "a", owner: "a/b" }), "invalid-request"],
  ["an owner with +", json({ token: "a", owner: "+" }), "invalid-request"],
  ["an owner with #", json({ token: "a", owner: "#" }), "invalid-request"],
  ["an empty owner", json({ token: "a", owner: "" }), "invalid-request"],
  ["an owner of 129 characters", json({ token: "a", owner: "x".repeat(129) }), "invalid-request"],
  ["an owner with a newline", json({ token: "a", owner: "a\nb" }), "invalid-request"],
  ["an owner with an escape", json({ token: "a", owner: "\u001B[31mred" }), "invalid-request"],
  ["a purpose with a newline", json({ token: "a", purpose: "a\nb" }), "invalid-request"],
  ["a purpose of 257 characters", json({ token: "a", purpose: "x".repeat(257) }), "invalid-request"],
  ["an id of 129 characters", json({ token: "a", id: "x".repeat(129) }), "invalid-request"],
  ["a number as id", json({ token: "a", id: 5 }), "invalid-request"],
  ["a number as replyTo", json({ token: "a", replyTo: 5 }), "invalid-request"],
  ["null as replyTo", json({ token: "a", replyTo: null }), "invalid-request"],
];

/** Title, topic below the base, and where its event tells of `invalid-request` or `unknown-resource`; `undefined`: nobody hears of it. */
const topics: readonly (readonly [string, string, string | undefined, string])[] = [
  ["an unknown resource", "build2/acquire", "controller", "unknown-resource"],
  ["toString", "toString/acquire", "controller", "unknown-resource"],
  ["constructor", "constructor/acquire", "controller", "unknown-resource"],
  ["__proto__", "__proto__/acquire", "controller", "invalid-request"],
  ["a name with a Cyrillic letter", "build\u0430/acquire", "controller", "invalid-request"],
  ["a name of 65 characters", `${"x".repeat(65)}/acquire`, "controller", "invalid-request"],
  ["an empty name", "/acquire", "controller", "invalid-request"],
  ["an empty user", "build1/acquire/", "build1", "invalid-request"],
  ["a user of 129 characters", `build1/acquire/${"x".repeat(129)}`, "build1", "invalid-request"],
  ["an override without its mode", "build1/override", "build1", "invalid-request"],
  ["several resources without their names", "controller/acquire", "controller", "invalid-request"],
  ["a reserved name", "reply/acquire", undefined, ""],
  ["another reserved name", "switcher/acquire", undefined, ""],
  ["more levels", "a/b/c/acquire", undefined, ""],
  ["a level more", "build1/acquire/ci/x", undefined, ""],
  ["no request", "build1/seize", undefined, ""],
  ["another case", "build1/ACQUIRE", undefined, ""],
  ["another base's case", "../LASTOUT/build1/acquire", undefined, ""],
  ["60,000 bytes", `${"x".repeat(60_000)}/acquire`, "controller", "invalid-request"],
];

/** A PUBLISH with QoS 0, of any bytes as topic. */
function publishFrame(topic: Uint8Array, payload: string): Uint8Array {
  const rest = Buffer.concat([bytes(topic.length >> 8, topic.length & 0xff), topic, Buffer.from(payload)]);
  return Buffer.concat([bytes(0x30, rest.length), rest]);
}

for (const { broker, title, options } of brokers) {
  describe(`2.16 to 2.19, over ${title}:`, options, () => {
    let lab: Lab;
    let pid: number;
    beforeAll(async () => {
      lab = await startLab({ broker, sockets: { build1: {} } });
      pid = lab.controller.pid;
      return () => lab.stop();
    }, 30_000);

    /** All that the broker keeps, without the times that change by themselves. */
    const kept = async (): Promise<object> =>
      Object.fromEntries(
        [...(await lab.retained())].map(([topic, payload]) => [
          topic,
          payload.replace(/,"time":"[^"]*"/, ""),
        ]),
      );

    /** Runs it and checks that nothing is left of it. */
    async function leavesNothing(send: () => Promise<void>): Promise<void> {
      const before = await kept();
      await send();
      expect(await lab.ask("build1/tokens", {})).toMatchObject({ ok: true, total: 0 });
      expect(await kept()).toEqual(before);
      expect(lab.controller.pid).toBe(pid);
      expect(lab.controller.running).toBe(true);
      expect(lab.socket("build1").received.filter(({ payload }) => payload !== "")).toEqual([]);
    }

    it.each(payloads)("an acquire with %s is refused", async (_what, payload, error) => {
      await leavesNothing(async () => {
        const from = lab.observer.heard.length;
        await lab.publish("lastout/build1/acquire", payload);
        const event = await lab.untilEvent("build1", "rejected", from);
        expect(event).toMatchObject({ error, message: expect.stringMatching(/^[\x20-\x7E]{1,400}$/) });
      });
    });

    it.each([
      ["1.2 MB", "x".repeat(1_200_000)],
      ["1.2 MB of JSON", `{"token":"a","purpose":"${"x".repeat(1_200_000)}"}`],
      ["nesting of 1,000,000", nested(1_000_000)],
    ])(
      "an acquire with %s is stopped by the broker, and requests behind it are served",
      async (_what, payload) => {
        await leavesNothing(async () => {
          const from = lab.observer.heard.length;
          // The embedded broker cuts off who sends that; mosquitto takes it and does not pass it on to the controller.
          await lab.publish("lastout/build1/acquire", payload).catch(() => undefined);
          expect(await lab.ask("build1/renew", { token: "a" })).toMatchObject({ error: "unknown-token" });
          expect(lab.events("build1", "granted", from)).toEqual([]);
        });
      },
    );

    it.each([
      ["renew", "", "invalid-request"],
      ["renew", "{}", "invalid-request"],
      ["renew", '{"token":"a","wait":"granted"}', "invalid-request"],
      ["renew", '{"token":"a","ttl":0}', "invalid-request"],
      ["renew", "a", "unknown-token"],
      ["release", "", "invalid-request"],
      ["release", "{}", "invalid-request"],
      ["release", '{"token":"a","lost":"yes"}', "invalid-request"],
      ["release", '{"token":"a","ttl":5}', "invalid-request"],
      ["release", "a", "unknown-token"],
      ["tokens", "a", "invalid-request"],
      ["tokens", '{"limit":0}', "invalid-request"],
      ["tokens", '{"limit":1001}', "invalid-request"],
      ["tokens", '{"offset":-1}', "invalid-request"],
      ["tokens", '{"offset":0.5}', "invalid-request"],
    ])("a %s with '%s' is refused with %s", async (verb, payload, error) => {
      await leavesNothing(async () => {
        const from = lab.observer.heard.length;
        await lab.publish(`lastout/build1/${verb}`, payload);
        expect(await lab.untilEvent("build1", "rejected", from)).toMatchObject({ error });
      });
    });

    it.each(topics)(
      "a request on a topic with %s is refused or ignored",
      async (_what, topic, teller, error) => {
        await leavesNothing(async () => {
          const from = lab.observer.heard.length;
          const full = topic.startsWith("../") ? topic.slice(3) : `lastout/${topic}`;
          await lab.publish(full, "a").catch(() => undefined); // A broker may cut off who publishes that.
          // Empty levels match no wildcard in the embedded broker.
          const arrives = broker === "mosquitto" || !/\/\/|\/$/.test(full);
          if (teller !== undefined && arrives) {
            const event = await lab.untilEvent(teller, "rejected", from);
            expect(event).toMatchObject({ error, message: expect.stringMatching(/^[\x20-\x7E]{1,400}$/) });
          }
        });
      },
    );

    it.each([
      [
        "a NUL in the topic",
        publishFrame(bytes(...Buffer.from("lastout/build1"), 0, ...Buffer.from("/acquire")), "a"),
      ],
      ["a topic that is not UTF-8", publishFrame(bytes(...Buffer.from("lastout/"), 0xff, 0xfe), "a")],
      ["a surrogate in the topic", publishFrame(bytes(...Buffer.from("lastout/"), 0xed, 0xa0, 0x80), "a")],
      ["a control character in the topic", publishFrame(Buffer.from("lastout/bu\u0001ld1/acquire"), "a")],
      ["a wildcard in the topic", publishFrame(Buffer.from("lastout/+/acquire"), "a")],
      ["a # in the topic", publishFrame(Buffer.from("lastout/#"), "a")],
      ["an empty topic", publishFrame(Buffer.from(""), "a")],
      ["QoS 3", bytes(0x36, 5, 0, 1, 0x61, 0, 1)],
      ["a packet type that does not exist", bytes(0xff, 0)],
      ["a length that never ends", bytes(0x30, 0xff, 0xff, 0xff, 0xff, 0xff)],
      [
        "a second CONNECT",
        generate({
          cmd: "connect",
          clientId: "twice",
          protocolId: "MQTT",
          protocolVersion: 4,
          clean: true,
          keepalive: 0,
        }),
      ],
      ["a subscription to nothing", bytes(0x82, 2, 0, 9)],
    ])("a frame with %s harms nobody else", async (_what, frame) => {
      await leavesNothing(async () => {
        const client = await lab.connect();
        client.write(frame);
        await eventually("the broker has dealt with it", async () => {
          if (!client.open) {
            return true;
          }
          // Ignored: then the next packet is served.
          return client.publish("test/after", "").then(
            () => true,
            () => true,
          );
        });
        client.vanish();
      });
    });

    it("bytes before any CONNECT harm nobody else", async () => {
      await leavesNothing(async () => {
        const { createConnection } = await import("node:net");
        for (const text of ["GET / HTTP/1.1\r\n\r\n", "\u0000".repeat(1000), "\u0010\u0000"]) {
          const socket = createConnection({ host: "127.0.0.1", port: lab.port });
          socket.on("error", () => socket.destroy());
          socket.write(text);
          socket.end();
          await new Promise((resolve) => {
            socket.once("close", resolve);
            socket.resume();
          });
        }
      });
    });

    it("2.3: the same PUBLISH twice, the second marked as a duplicate, makes one token", async () => {
      const client = await lab.connect();
      const packet = {
        cmd: "publish",
        topic: "lastout/build1/acquire",
        payload: "dup",
        qos: 1,
        retain: false,
        messageId: 7,
      } as const;
      client.write(generate({ ...packet, dup: false }));
      client.write(generate({ ...packet, dup: true }));
      await lab.untilObject("build1", { state: "available" });
      expect(await lab.ask("build1/tokens")).toMatchObject({ total: 1 });
      await lab.ask("build1/release", { token: "dup" });
      await lab.untilObject("build1", { phase: "idle" });
      expect(lab.socket("build1").relay(1).history).toHaveLength(2);
      await client.disconnect();
    });

    it("what a legal name hides is no more than a text", async () => {
      const owner = "<script>alert(1)<b>${jndi:ldap:x}=1";
      const purpose = "=cmd|'/c calc'!A1 </td><img src=x onerror=alert(1)> '; DROP TABLE tokens; --";
      const reply = await lab.ask("build1/acquire", { token: "%~=@:", owner, purpose });
      expect(reply).toMatchObject({ ok: true, owner });
      expect(await lab.ask("build1/tokens")).toMatchObject({ holders: [{ token: "%~=@:", owner, purpose }] });
      await lab.ask("build1/release", { token: "%~=@:" });
      await lab.untilObject("build1", { phase: "idle" });
    });

    it("a flood of rubbish is worked off, and the controller goes on answering", async () => {
      const client = await lab.connect();
      const flood = Array.from({ length: 2000 }, () =>
        client.publish("lastout/build1/acquire", nested(2000), { qos: 0 }),
      );
      await Promise.all(flood);
      await client.publish("test/after", "");
      const before = performance.now();
      expect(await lab.ask("build1/tokens", {}, 20_000)).toMatchObject({ total: 0 });
      expect(performance.now() - before).toBeLessThan(5000);
      const healthy = performance.now();
      await lab.ask("build1/tokens");
      expect(performance.now() - healthy).toBeLessThan(slackMs);
      await client.disconnect();
    });
  });
}

describe("Over mosquitto with MQTT 5:", { ...needing("mosquitto"), ...patience }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ broker: "mosquitto", sockets: { build1: {} } });
    return () => lab.stop();
  }, 30_000);

  it.each([
    ["a device's command", "cmnd/build1/POWER"],
    ["another request", "lastout/build1/release"],
    ["the retained picture", "lastout/build1/state"],
    ["the broker's own topics", "$SYS/x"],
    ["a deep but foreign topic", "lastout/replyx/me"],
    ["257 bytes", `lastout/reply/${"x".repeat(243)}`],
  ])("a Response Topic on %s is refused, and nothing is granted", async (_what, responseTopic) => {
    const from = lab.observer.heard.length;
    await lab.publish("lastout/build1/acquire", "a", { version: 5, properties: { responseTopic } });
    expect(await lab.untilEvent("build1", "rejected", from)).toMatchObject({ error: "forbidden" });
    expect(await lab.ask("build1/tokens")).toMatchObject({ total: 0 });
    const there = lab.observer.heard
      .slice(from)
      .filter(({ topic, payload }) => topic === responseTopic && payload.startsWith("{"));
    expect(there.filter(({ payload }) => "ok" in objectIn(payload))).toEqual([]);
  });

  it("a Response Topic wins over replyTo, and Correlation Data of 256 bytes comes back as it was", async () => {
    const correlationData = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const client = await lab.connect({ version: 5 });
    await client.subscribe("lastout/reply/#");
    const payload = json({ token: "nobody", replyTo: "lastout/reply/other" });
    const properties = { responseTopic: "lastout/reply/five", correlationData };
    await client.publish("lastout/build1/renew", payload, { properties });
    const reply = await eventually("the reply", () => client.heard[0]);
    expect(reply).toMatchObject({ topic: "lastout/reply/five", qos: 1, retain: false });
    expect(reply.properties).toMatchObject({ correlationData, contentType: "application/json" });
    expect(objectIn(reply.payload)).toMatchObject({ error: "unknown-token" });
    await client.publish("lastout/build1/acquire", "a", {
      properties: { responseTopic: "lastout/reply/five", correlationData: Buffer.alloc(257) },
    });
    expect(objectIn((await eventually("the second reply", () => client.heard[1])).payload)).toMatchObject({
      error: "invalid-request",
      message: expect.stringContaining("256"),
    });
    expect(await lab.ask("build1/tokens")).toMatchObject({ total: 0 });
    expect(lab.observer.heard.filter(({ topic }) => topic === "lastout/reply/other")).toEqual([]);
    await client.disconnect();
  });
});

/** The reply to an acquire of that many bytes, by the way of the protocol's version. */
async function replyTo(lab: Lab, version: 4 | 5, size: number): Promise<object> {
  const topic = `lastout/reply/${version}/${size}`;
  const client = await lab.connect({ version });
  await client.subscribe(topic);
  const fields = { token: "a", ...(version === 5 ? {} : { replyTo: topic }) };
  const purpose = "x".repeat(size - json({ ...fields, purpose: "" }).length);
  const properties = version === 5 ? { properties: { responseTopic: topic } } : {};
  await client.publish("lastout/build1/acquire", json({ ...fields, purpose }), properties);
  await eventually("it is answered", () => client.heard.length > 0);
  await client.disconnect();
  return objectIn(client.heard[0]?.payload ?? "");
}

for (const { broker, title, options } of brokers) {
  describe(`A large request, over ${title},`, options, () => {
    it.each([
      [undefined, "too-large"],
      [{ payload: 1_048_576 }, "invalid-request"],
    ])("is answered up to 1 MiB, with limits of %j as %s", async (limits, error) => {
      const settings = limits === undefined ? {} : { limits };
      const lab = await startLab({ broker, sockets: { build1: {} }, settings });
      try {
        for (const version of broker === "mosquitto" ? ([4, 5] as const) : ([4] as const)) {
          for (const size of [70_000, 1_048_575, 1_048_576]) {
            expect(await replyTo(lab, version, size)).toMatchObject({ ok: false, error });
          }
        }
        if (broker === "mosquitto") {
          expect(await replyTo(lab, 5, 1_048_577)).toMatchObject({ ok: false, error: "too-large" });
        }
        expect(await lab.ask("build1/tokens", {})).toMatchObject({ ok: true, total: 0 });
      } finally {
        await lab.stop();
      }
    });
  });
}
