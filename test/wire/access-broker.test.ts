// Goal: under the shipped mosquitto.conf and mosquitto.acl nobody can do at the broker what they should not: switch a socket, act as
// another user, hear or forge another's replies, override, write the picture. Method: a real mosquitto with real users. A forbidden
// publish is refused with the reason code 0x87 (MQTT 5 section 3.4.2.1), and a witness who hears everything has not heard it; a forbidden
// subscription is taken by mosquitto, but brings nothing, so each such test also hears something that is allowed.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { topicMap } from "../../src/adapters/mqtt/topics.ts";
import { startTasmota } from "../simulators/tasmota.ts";
import { eventually } from "../support/eventually.ts";
import { passwordOf, startGuardedMosquitto, witness } from "../support/guarded-mosquitto.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { connectWire, type WireClient, type WireOptions } from "./client.ts";
import { type Controller, createController, lastout } from "./controller.ts";
import { patience } from "./lab.ts";
import { type Fields, objectIn } from "./observer.ts";

const notAuthorised = 0x87;

/** Requests that everybody may make as themselves. */
const requests = ["acquire", "renew", "release", "tokens"] as const;
const ofSeveral = ["acquire", "renew", "release"] as const;
const own = (user: string): readonly string[] => [
  ...requests.map((verb) => `lastout/build1/${verb}/${user}`),
  ...ofSeveral.map((verb) => `lastout/controller/${verb}/${user}`),
];
const ofOperators = (user: string): readonly string[] => [
  `lastout/build1/override/${user}`,
  `lastout/build1/cycle/${user}`,
];
const withoutUser = [
  ...[...requests, "override", "cycle"].map((verb) => `lastout/build1/${verb}`),
  ...ofSeveral.map((verb) => `lastout/controller/${verb}`),
];
/** What the controller publishes for everybody. */
const picture = [
  "lastout/controller/status",
  "lastout/controller/info",
  "lastout/controller/event",
  "lastout/build1",
  "lastout/build1/state",
  "lastout/build1/ready",
  "lastout/build1/holders",
  "lastout/build1/event",
  "lastout/switcher/strip",
];
/** What is between controllers only. */
const between = ["lastout/controller/ping", "lastout/controller/marker"];
const ofDevices = [
  "stat/plug1/POWER",
  "stat/plug1/RESULT",
  "tele/plug1/LWT",
  "tele/plug1/STATE",
  "tasmota/discovery/AABBCCDDEEFF/config",
];
const commands = ["cmnd/plug1/POWER", "cmnd/plug1/STATE", "cmnd/tasmotas/POWER0", "cmnd/plug1/Upgrade"];

describe("At the shipped broker", needing("mosquitto"), () => {
  let broker: Mosquitto;
  let ears: WireClient;
  let marks = 0;

  beforeAll(async () => {
    broker = await startGuardedMosquitto({
      users: ["lastout", "socket", "dashboard", "operator", "alice", "bob", "+"],
    });
    ears = await as(witness);
    await ears.subscribe("#");
  });

  afterAll(async () => {
    await ears.disconnect();
    await broker.stop();
  });

  const as = (user: string, how: Omit<WireOptions, "port"> = {}): Promise<WireClient> =>
    connectWire({ version: 5, ...how, port: broker.port, username: user, password: passwordOf(user) });

  /** Resolves when the witness has heard all that the broker took until now. */
  async function caughtUp(): Promise<void> {
    marks += 1;
    const end = `end/${marks}`;
    await ears.publish(end, "");
    await eventually("the witness has heard all", () => ears.heard.some(({ topic }) => topic === end));
  }

  interface Tried {
    /** The broker said yes, and it was heard. */
    readonly taken: readonly string[];
    /** The broker said 0x87, and nobody heard anything. */
    readonly refused: readonly string[];
  }

  /** Publish to each of the topics; what is neither taken nor refused in both ways is in no list. */
  async function publishes(user: string, topics: readonly string[], retain = false): Promise<Tried> {
    const client = await as(user);
    const text = `${user} ${marks} ${retain}`;
    const codes: number[] = [];
    for (const topic of topics) {
      codes.push(await client.publish(topic, text, { retain }));
    }
    await client.disconnect();
    await caughtUp();
    const heard = (topic: string): boolean =>
      ears.heard.some((message) => message.topic === topic && message.payload === text);
    return {
      taken: topics.filter((topic, place) => (codes[place] ?? 255) < 0x80 && heard(topic)),
      refused: topics.filter((topic, place) => codes[place] === notAuthorised && !heard(topic)),
    };
  }

  /** Of these topics, those that reach the user who listens to `filters`. The witness writes; the last of them always reaches. */
  async function hears(
    user: string,
    topics: readonly string[],
    allowed: string,
    ...filters: readonly string[]
  ): Promise<readonly string[]> {
    const client = await as(user);
    await client.subscribe(...(filters.length === 0 ? [...topics, allowed] : filters));
    for (const topic of [...topics, allowed]) {
      await ears.publish(topic, `for ${user}`);
    }
    await eventually(`${user} hears ${allowed}`, () => client.heard.some(({ topic }) => topic === allowed));
    await client.disconnect();
    const heard = new Set(client.heard.map(({ topic }) => topic));
    return topics.filter((topic) => heard.has(topic));
  }

  describe("nobody", () => {
    test("comes in without a name and a password", async () => {
      await expect(connectWire({ version: 5, port: broker.port })).rejects.toThrow("135"); // not authorised
    });

    test("comes in with a wrong password", async () => {
      const tried = connectWire({ version: 5, port: broker.port, username: "alice", password: "guessed" });
      await expect(tried).rejects.toThrow("135");
    });

    test("reaches others by a name that is a wildcard", async () => {
      expect((await publishes("+", own("bob"))).refused).toEqual(own("bob"));
      const client = await as("+");
      await client.subscribe("lastout/reply/#", "lastout/+/acquire/#");
      await ears.publish("lastout/reply/bob/1", "for bob");
      // Another round trip on the same link: what was to come has come.
      await client.subscribe("lastout/reply/bob/1");
      expect(client.heard).toEqual([]);
      await client.disconnect();
    });
  });

  describe("a job", () => {
    test("asks for tokens of any resource, and of several at once, as itself", async () => {
      expect((await publishes("alice", own("alice"))).taken).toEqual(own("alice"));
    });

    test("cannot act as another user", async () => {
      expect((await publishes("alice", own("bob"))).refused).toEqual(own("bob"));
    });

    test("cannot ask without saying who it is", async () => {
      expect((await publishes("alice", withoutUser)).refused).toEqual(withoutUser);
    });

    test("cannot override or cycle, neither as itself nor as an operator", async () => {
      const topics = [...ofOperators("alice"), ...ofOperators("operator")];
      expect((await publishes("alice", topics)).refused).toEqual(topics);
    });

    test("cannot switch a socket", async () => {
      expect((await publishes("alice", commands)).refused).toEqual(commands);
    });

    test("cannot speak for a socket", async () => {
      expect((await publishes("alice", ofDevices)).refused).toEqual(ofDevices);
    });

    test.for([false, true])("cannot write states or events, retained: %s", async (retain) => {
      expect((await publishes("alice", picture, retain)).refused).toEqual(picture);
    });

    test("cannot meddle between controllers", async () => {
      expect((await publishes("alice", between)).refused).toEqual(between);
    });

    test("cannot write anywhere else", async () => {
      const topics = [
        "elsewhere",
        "lastout/build1/acquire/alice/more",
        "lastout",
        "homeassistant/switch/x/config",
      ];
      expect((await publishes("alice", topics)).refused).toEqual(topics);
    });

    test("hears its replies, and not those of another", async () => {
      expect(await hears("alice", ["lastout/reply/bob/1"], "lastout/reply/alice/1")).toEqual([]);
    });

    test("hears no replies of others by a wildcard either", async () => {
      expect(
        await hears("alice", ["lastout/reply/bob/1"], "lastout/reply/alice/1", "lastout/reply/#"),
      ).toEqual([]);
    });

    test("hears no replies of others by a shared subscription either", async () => {
      expect(
        await hears("alice", ["lastout/reply/bob/1"], "lastout/reply/alice/1", "$share/all/lastout/reply/#"),
      ).toEqual([]);
    });

    test("cannot forge a reply to another", async () => {
      const topics = ["lastout/reply/bob/1", "lastout/reply/bob", "lastout/reply/1"];
      expect((await publishes("alice", topics)).refused).toEqual(topics);
    });

    test("cannot forge one with QoS 0 or 2, or over MQTT 3.1.1, where the broker drops it without a word", async () => {
      for (const [version, qos] of [
        [5, 0],
        [5, 2],
        [4, 0],
        [4, 1],
      ] as const) {
        const client = await as("alice", { version });
        await client.publish("lastout/reply/bob/2", "forged", { qos });
        await client.publish("lastout/reply/alice/2", "own", { qos: 1 });
        await client.disconnect();
      }
      await caughtUp();
      const heard = ears.heard.filter(({ topic }) => /^lastout\/reply\/\w+\/2$/.test(topic));
      expect(heard.map(({ payload }) => payload)).toEqual(["own", "own", "own", "own"]);
    });

    test("hears the whole picture", async () => {
      expect(await hears("alice", picture, "lastout/reply/alice/1")).toEqual(picture);
    });

    test("hears neither what others ask, nor sockets, nor the marks of controllers, also by `#`", async () => {
      const topics = [...own("bob"), ...ofOperators("operator"), ...between, ...commands, ...ofDevices];
      expect(await hears("alice", topics, "lastout/reply/alice/1", "#")).toEqual([]);
    });

    test("may have a will that releases its token", async () => {
      const topic = "lastout/build1/release/alice";
      const client = await as("alice", { will: { topic, payload: "alice's last words" } });
      client.vanish();
      await eventually("the witness hears the will", () =>
        ears.heard.some((message) => message.topic === topic && message.payload === "alice's last words"),
      );
    });

    test("cannot have a will that releases the token of another, or switches a socket", async () => {
      for (const topic of ["lastout/build1/release/bob", "cmnd/plug1/POWER"]) {
        const client = await as("alice", { will: { topic, payload: "a forged will" } }).catch(
          () => undefined,
        );
        client?.vanish();
        await client?.closed;
      }
      await caughtUp();
      // A will is sent after the broker has seen the end of the connection: that of the last one is proof that it has.
      const last = await as("alice", { will: { topic: "lastout/build2/release/alice", payload: "seen" } });
      last.vanish();
      await eventually("the witness hears the will", () =>
        ears.heard.some(({ topic }) => topic === "lastout/build2/release/alice"),
      );
      expect(ears.heard.filter(({ payload }) => payload === "a forged will")).toEqual([]);
    });
  });

  describe("an operator", () => {
    test("overrides and cycles as itself", async () => {
      expect((await publishes("operator", ofOperators("operator"))).taken).toEqual(ofOperators("operator"));
    });

    test("may do what a job may", async () => {
      expect((await publishes("operator", own("operator"))).taken).toEqual(own("operator"));
    });

    test("cannot act as another user", async () => {
      const topics = [...own("alice"), ...ofOperators("alice")];
      expect((await publishes("operator", topics)).refused).toEqual(topics);
    });

    test("cannot switch a socket past the controller", async () => {
      expect((await publishes("operator", commands)).refused).toEqual(commands);
    });

    test("hears the picture and its own replies, and not those of another", async () => {
      const topics = [...picture, "lastout/reply/alice/1"];
      expect(await hears("operator", topics, "lastout/reply/operator/1")).toEqual(picture);
    });
  });

  describe("the controller", () => {
    const published = topicMap
      .filter(({ direction }) => direction !== "requested")
      .map(({ topic }) => `lastout/${topic}`.replace("<r>", "build1").replace(/<[sp]>/, "strip"));

    test("publishes all that the protocol lists, and replies to everybody", async () => {
      const topics = [...published, "lastout/reply/alice/1", "lastout/reply/bob/x/y"];
      expect((await publishes("lastout", topics)).taken).toEqual(topics);
    });

    test("hears all requests", async () => {
      const topics = [...own("alice"), ...ofOperators("operator"), ...withoutUser];
      expect(await hears("lastout", topics, "lastout/controller/ping")).toEqual(topics);
    });

    test("clears requests that were retained", async () => {
      const topics = [...own("alice"), ...withoutUser];
      expect((await publishes("lastout", topics, true)).taken).toEqual(topics);
      for (const topic of topics) {
        await ears.publish(topic, "", { retain: true });
      }
    });

    test("hears what other controllers ask it, and its own marks", async () => {
      const topics = [...between, "lastout/controller/event", "lastout/controller/info"];
      expect(await hears("lastout", topics, "lastout/controller/status")).toEqual(topics);
    });

    test("commands the sockets", async () => {
      expect((await publishes("lastout", commands)).taken).toEqual(commands);
    });

    test("hears the sockets, and commands that others left on them", async () => {
      const topics = [...ofDevices, ...commands];
      expect(await hears("lastout", topics, "lastout/controller/ping")).toEqual(topics);
    });

    test("cannot speak for a socket", async () => {
      expect((await publishes("lastout", ofDevices)).refused).toEqual(ofDevices);
    });

    test("cannot write anywhere else, nor hear the broker's own topics", async () => {
      const topics = ["elsewhere", "homeassistant/switch/x/config"];
      expect((await publishes("lastout", topics)).refused).toEqual(topics);
      expect(await hears("lastout", topics, "lastout/controller/ping", "#", "$SYS/#")).toEqual([]);
    });
  });

  describe("a socket", () => {
    test("tells its position and its meter", async () => {
      expect((await publishes("socket", ofDevices)).taken).toEqual(ofDevices);
    });

    test("hears commands", async () => {
      expect(await hears("socket", commands, "cmnd/plug2/POWER")).toEqual(commands);
    });

    test("cannot command another socket", async () => {
      expect((await publishes("socket", commands)).refused).toEqual(commands);
    });

    test("asks for nothing, replies to nobody, and writes no picture", async () => {
      const topics = [
        ...own("socket"),
        ...ofOperators("socket"),
        ...withoutUser,
        "lastout/reply/socket/1",
        "lastout/reply/alice/1",
        ...picture,
        ...between,
      ];
      expect((await publishes("socket", topics)).refused).toEqual(topics);
    });

    test("hears nothing of the controller's", async () => {
      const topics = [...picture, ...own("alice"), "lastout/reply/socket/1", "lastout/reply/alice/1"];
      expect(await hears("socket", topics, "cmnd/plug1/POWER", "#")).toEqual([]);
    });
  });

  describe("a dashboard", () => {
    test("hears the whole picture", async () => {
      expect(await hears("dashboard", picture, "lastout/build2/state")).toEqual(picture);
    });

    test("hears no requests, no replies, no sockets, also by `#`", async () => {
      const topics = [...own("alice"), "lastout/reply/alice/1", "lastout/reply/dashboard/1", ...commands];
      expect(await hears("dashboard", topics, "lastout/build1/state", "#")).toEqual([]);
    });

    test("writes nothing at all", async () => {
      const topics = [
        ...own("dashboard"),
        ...own("alice"),
        ...ofOperators("dashboard"),
        ...ofOperators("operator"),
        ...withoutUser,
        "lastout/reply/dashboard/1",
        "lastout/reply/alice/1",
        ...picture,
        ...between,
        ...commands,
        ...ofDevices,
        "elsewhere",
      ];
      expect((await publishes("dashboard", topics)).refused).toEqual(topics);
    });
  });
});

/** A lab with two sockets at the shipped broker, a controller with `access: users`, and its users. */
interface GuardedLab {
  readonly broker: Mosquitto;
  readonly controller: Controller;
  /** Publish a request as MQTT 5 wants it, with a Response Topic, and give back the reply. */
  ask(user: string, request: string, fields?: Fields): Promise<Fields>;
  /** The same as somebody whom the broker lets do everything: what the controller itself says to it. */
  slipIn(request: string, fields: Fields, replyTo: string): Promise<void>;
  /** The environment of a user of the command line. */
  env(user: string): Readonly<Record<string, string>>;
  readonly ears: WireClient;
  /** Payloads heard on a topic, as objects. */
  objects(topic: string): readonly Fields[];
  stop(): Promise<void>;
}

async function startGuardedLab(): Promise<GuardedLab> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-access-"));
  const broker = await startGuardedMosquitto({ users: ["lastout", "socket", "operator", "alice", "bob"] });
  const as = (user: string): Promise<WireClient> =>
    connectWire({ version: 5, port: broker.port, username: user, password: passwordOf(user) });
  const ears = await as(witness);
  await ears.subscribe("#");
  const sockets = await Promise.all(
    ["build1", "build2"].map((topic) =>
      startTasmota({
        topic,
        port: broker.port,
        speed: 20,
        serviceMs: 2,
        username: "socket",
        password: passwordOf("socket"),
      }),
    ),
  );
  const configFile = join(folder, "lastout.yaml");
  writeFileSync(
    configFile,
    JSON.stringify({
      mqtt: {
        url: broker.url,
        clientId: "lastout-test",
        username: "lastout",
        password: passwordOf("lastout"),
      },
      store: { path: join(folder, "lastout.db") },
      access: "users",
      operators: ["operator"],
      restartGrace: "500ms",
      lostGrace: "500ms",
      log: { level: "debug" },
      defaults: { offDelay: "300ms", minOn: 0, minOff: 0 },
      switchers: { plug1: { type: "tasmota", topic: "build1" }, plug2: { type: "tasmota", topic: "build2" } },
      resources: { build1: { switcher: "plug1" }, build2: { switcher: "plug2" } },
    }),
  );
  const controller = createController(configFile);
  controller.start();
  let asked = 0;
  const last = (topic: string): string | undefined =>
    ears.heard.findLast((message) => message.topic === topic)?.payload;
  await eventually(
    "the controller knows both sockets",
    () => {
      if (!controller.running) {
        throw new Error(`the controller has ended: ${controller.log().slice(-2000)}`);
      }
      return last("lastout/build1/state") === "off" && last("lastout/build2/state") === "off";
    },
    15_000,
  );
  return {
    broker,
    controller,
    ears,
    async ask(user, request, fields = {}) {
      asked += 1;
      const replyTopic = `lastout/reply/${user}/${asked}`;
      const client = await as(user);
      await client.subscribe(replyTopic);
      await client.publish(`lastout/${request}`, JSON.stringify(fields), {
        properties: { responseTopic: replyTopic },
      });
      const reply = await eventually(`${user} is answered`, () => client.heard[0], 8000);
      await client.disconnect();
      return objectIn(reply.payload);
    },
    async slipIn(request, fields, replyTo) {
      await ears.publish(`lastout/${request}`, JSON.stringify({ ...fields, replyTo }));
    },
    env: (user) => ({
      LASTOUT_URL: broker.url,
      LASTOUT_USERNAME: user,
      LASTOUT_PASSWORD: passwordOf(user),
    }),
    objects: (topic) =>
      ears.heard.flatMap((message) => (message.topic === topic ? [objectIn(message.payload)] : [])),
    async stop() {
      if (controller.running) {
        await controller.kill9();
      }
      await ears.disconnect();
      await Promise.all(sockets.map((socket) => socket.stop()));
      await broker.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

describe("A controller with `access: users` at the shipped broker", {
  ...needing("mosquitto"),
  ...patience,
}, () => {
  let lab: GuardedLab;
  beforeAll(async () => {
    lab = await startGuardedLab();
  }, patience.timeout);
  afterAll(() => lab.stop());

  /** An event of build1 or of the controller with these fields. */
  const untilEvent = (name: string, event: string, part: Fields): Promise<Fields> =>
    eventually(
      `${name} tells ${event} ${JSON.stringify(part)}`,
      () =>
        lab
          .objects(`lastout/${name}/event`)
          .find(
            (fields) =>
              fields["event"] === event &&
              Object.entries(part).every(([key, value]) => fields[key] === value),
          ),
      8000,
    );

  test("serves a job under its own name, whatever owner it claims", async () => {
    const reply = await lab.ask("alice", "build1/acquire/alice", {
      token: "own",
      owner: "bob",
      wait: "powered",
    });
    expect(reply).toMatchObject({ ok: true, owner: "alice", state: "available" });
    expect(await lab.ask("alice", "build1/release/alice", { token: "own" })).toMatchObject({ ok: true });
  });

  test("refuses a request without a user in its topic, even of one whom the broker lets ask it", async () => {
    await lab.slipIn("build1/acquire", { token: "nameless" }, "lastout/reply/witness/1");
    await untilEvent("build1", "rejected", { error: "forbidden", token: "nameless" });
  });

  test("lets nobody have a reply sent into another's reply space, and grants nothing for it", async () => {
    const client = await connectWire({
      version: 5,
      port: lab.broker.port,
      username: "alice",
      password: passwordOf("alice"),
    });
    await client.publish("lastout/build1/acquire/alice", JSON.stringify({ token: "loud" }), {
      properties: { responseTopic: "lastout/reply/bob/1" },
    });
    await client.disconnect();
    await untilEvent("build1", "rejected", { error: "forbidden", token: "loud" });
    expect(await lab.ask("alice", "build1/tokens/alice")).toMatchObject({ ok: true, total: 0 });
    expect(lab.objects("lastout/reply/bob/1")).toEqual([]);
  });

  test("does not let a job end the token of another, but an operator may", async () => {
    expect(await lab.ask("alice", "build1/acquire/alice", { token: "hers" })).toMatchObject({ ok: true });
    expect(await lab.ask("bob", "build1/release/bob", { token: "hers" })).toMatchObject({
      ok: false,
      error: "not-owner",
    });
    expect(await lab.ask("operator", "build1/release/operator", { token: "hers" })).toMatchObject({
      ok: true,
    });
  });

  test("lets an operator lock a resource, and says by whom to those who ask for it", async () => {
    expect(
      await lab.ask("operator", "build2/override/operator", { mode: "off", reason: "PSU swap" }),
    ).toMatchObject({ ok: true, override: "off" });
    const refused = await lab.ask("alice", "build2/acquire/alice", { token: "late" });
    expect(refused).toMatchObject({ ok: false, error: "locked-out" });
    expect(refused["message"]).toMatch(/operator.*PSU swap/);
    expect(await lab.ask("operator", "build2/override/operator", { mode: "auto" })).toMatchObject({
      ok: true,
    });
  });

  test("refuses override and cycle of who is no operator, should the broker let them through", async () => {
    for (const verb of ["override", "cycle"]) {
      const replyTo = `lastout/reply/alice/${verb}`;
      await lab.slipIn(`build1/${verb}/alice`, verb === "override" ? { mode: "off" } : {}, replyTo);
      const reply = await eventually(`${verb} is answered`, () => lab.objects(replyTo)[0]);
      expect(reply).toMatchObject({ ok: false, error: "forbidden" });
    }
  });

  test("gives one token over several resources to a job that asks as itself", async () => {
    const reply = await lab.ask("alice", "controller/acquire/alice", {
      token: "both",
      resources: ["build1", "build2"],
    });
    expect(reply).toMatchObject({ ok: true, resources: ["build1", "build2"], owner: "alice" });
    expect(await lab.ask("alice", "controller/release/alice", { token: "both" })).toMatchObject({ ok: true });
  });

  test("ends the token of a job whose machine died, by a will that names its user", async () => {
    const client = await connectWire({
      version: 5,
      port: lab.broker.port,
      username: "alice",
      password: passwordOf("alice"),
      will: {
        topic: "lastout/build1/release/alice",
        payload: JSON.stringify({ token: "mortal", lost: true }),
      },
    });
    await client.publish("lastout/build1/acquire/alice", JSON.stringify({ token: "mortal" }));
    await untilEvent("build1", "granted", { token: "mortal" });
    client.vanish();
    await untilEvent("build1", "lost", { token: "mortal", owner: "alice" });
  });

  test("finds a retained command on a socket under the rights that it has", async () => {
    await lab.ears.publish("cmnd/build2/POWER", "OFF", { retain: true });
    try {
      await lab.controller.stop();
      lab.controller.start();
      await eventually(
        "the event retained-command is told",
        () =>
          ["build2", "controller"]
            .flatMap((name) => lab.objects(`lastout/${name}/event`))
            .some((fields) => fields["event"] === "retained-command"),
        15_000,
      );
    } finally {
      await lab.ears.publish("cmnd/build2/POWER", "", { retain: true });
    }
  });

  describe("serves the command line:", () => {
    test("a job acquires, lists and releases as itself", async () => {
      const env = lab.env("alice");
      expect(await lastout(["acquire", "build1", "--token", "cli", "--wait", "powered"], env)).toMatchObject({
        exit: 0,
        out: "cli\n",
      });
      expect(await lastout(["tokens", "build1"], env)).toMatchObject({
        exit: 0,
        out: expect.stringMatching(/cli +alice/),
      });
      expect(await lastout(["release", "build1", "cli"], env)).toMatchObject({ exit: 0 });
      expect(await lastout(["status"], env)).toMatchObject({
        exit: 0,
        out: expect.stringContaining("build2"),
      });
    });

    test("a job's run around a command works", async () => {
      const run = await lastout(
        ["run", "build1", "--timeout", "10s", "--", "echo", "hello"],
        lab.env("alice"),
      );
      expect(run).toMatchObject({ exit: 0, out: "hello\n" });
    });

    test("a job that overrides is refused with 77, an operator is served", async () => {
      expect(await lastout(["override", "build1", "on"], lab.env("alice"))).toMatchObject({ exit: 77 });
      expect(await lastout(["override", "build1", "on"], lab.env("operator"))).toMatchObject({ exit: 0 });
      expect(await lastout(["override", "build1", "auto"], lab.env("operator"))).toMatchObject({ exit: 0 });
    });
  });
});
