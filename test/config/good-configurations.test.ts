// What a right configuration becomes: defaults, paths, what the core is given, and the warnings. The shipped examples are among
// them, so that they stay right.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { configPlaces, findConfigFile, loadConfig } from "../../src/config/load.ts";
import { mistakesToJson, printMistakes } from "../../src/config/print.ts";
import { certificate, key, passwords } from "./credentials-files.ts";
import { configFile, type Lab, loadLab, rightText } from "./lab.ts";

function right(given: Lab) {
  const loaded = loadLab(given);
  if (!loaded.ok) {
    throw new Error(printMistakes(loaded.mistakes));
  }
  return loaded;
}

const warningsOf = (given: Lab): readonly string[] =>
  right(given).warnings.map(({ path, message }) => `${path}: ${message}`);

/** All keys of a JSON Schema, wherever they may stand. */
function schemaKeys(node: unknown): readonly { readonly key: string; readonly described: boolean }[] {
  if (!isRecord(node)) {
    return [];
  }
  const properties = isRecord(node["properties"]) ? Object.entries(node["properties"]) : [];
  return [
    ...properties.map(([key, field]) => ({ key, described: isRecord(field) && "description" in field })),
    ...Object.values(node).flatMap(schemaKeys),
  ];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

test("the smallest configuration is the embedded broker on loopback, one socket and one resource", () => {
  const { config, warnings } = right({ text: readFileSync("config/smallest.yaml", "utf8") });
  expect(warnings).toEqual([]);
  expect(config.mqtt).toEqual({
    url: "mqtt://127.0.0.1:1883",
    base: "lastout",
    clientId: "lastout-rack7",
    username: undefined,
    password: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    sessionExpiry: 3_600_000,
    replyPrefixes: ["lastout/reply"],
  });
  expect(config.broker).toEqual({ host: "127.0.0.1", port: 1883, users: undefined });
  expect(config.store.path).toBe("/etc/lab/lastout.db");
  expect(config.limits.payload).toBe(16_384);
  expect(config.log.level).toBe("info");
  expect(config.secrets).toEqual([]);
  expect([config.checks, config.guards, config.shutdowns]).toEqual([new Map(), new Map(), new Map()]);
  expect(config.switchers.get("plug1")).toEqual({
    name: "plug1",
    options: {
      type: "tasmota",
      topic: "plug1",
      fullTopic: "%prefix%/%topic%/",
      prefixes: ["cmnd", "stat", "tele"],
    },
    timeout: 5000,
  });
  expect(config.settings).toEqual({
    resources: new Map([
      [
        "build1",
        {
          name: "build1",
          outlets: ["plug1"],
          needs: [],
          capacity: 0,
          ttl: { default: 43_200_000, max: 604_800_000, total: 0 },
          offDelay: 60_000,
          bootTimeout: 300_000,
          bootRetries: 0,
          minOn: 5000,
          minOff: 10_000,
          switchTimeout: 30_000,
          onExternalOn: "adopt",
          onExternalOff: "respect",
          check: undefined,
          shutdown: undefined,
          keepWhile: undefined,
        },
      ],
    ]),
    outlets: new Map([["plug1", { id: "plug1", switcher: "plug1", outlet: "1" }]]),
    switchers: new Map([["plug1", { name: "plug1", type: "tasmota", outlets: ["plug1"], stagger: 0 }]]),
    pools: new Map(),
    limits: { tokens: 100_000, starting: 0 },
    access: "open",
    operators: new Set(),
    restartGrace: 30_000,
    lostGrace: 30_000,
    observe: false,
  });
});

test("the configuration with everything is right, and what it calls defaults are the defaults", () => {
  const text = readFileSync("config/everything.yaml", "utf8");
  const { config, warnings } = right({ text });
  expect(warnings).toEqual([]);
  const bare = right({ text: rightText }).config;
  expect(config.limits).toEqual(bare.limits);
  expect(config.log).toEqual(bare.log);
  expect(config.store).toEqual(bare.store);
  expect(config.mqtt.sessionExpiry).toBe(bare.mqtt.sessionExpiry);
  expect(config.mqtt.replyPrefixes).toEqual(["lastout/reply", "lab/replies"]);
  const {
    resources: _own,
    outlets: _outlets,
    switchers: _switchers,
    pools: _pools,
    ...shared
  } = config.settings;
  expect(bare.settings).toMatchObject(shared);
  const { name: _name, outlets: _outlet, ...lamp } = { ...config.settings.resources.get("desk-lamp") };
  expect(bare.settings.resources.get("build1")).toMatchObject(lamp);
  expect(config.settings.resources.get("build1")).toMatchObject({
    ttl: { default: 7_200_000, max: 86_400_000, total: 0 },
    bootRetries: 1,
    onExternalOn: "reclaim",
    needs: ["rack-switch"],
    capacity: 8,
    shutdown: { timeout: 120_000, settle: 10_000, idleBelow: 8, onTimeout: "keep" },
    keepWhile: { interval: 10_000, timeout: 2000, rise: 1, fall: 3 },
    check: { interval: 10_000, timeout: 2000, rise: 1, fall: 3 },
  });
  expect(config.checks.get("build1")).toEqual({ type: "icmp", host: "build1.lab" });
  expect(config.checks.get("camera")).toEqual({
    type: "exec",
    command: ["/usr/local/bin/camera-answers", "cam1.lab"],
  });
  expect(config.guards).toEqual(
    new Map([["build1", { type: "exec", command: ["/etc/lastout/logged-in", "build1.lab"] }]]),
  );
  expect([...config.shutdowns].map(([name, { type }]) => [name, type])).toEqual([
    ["build1", "ssh"],
    ["build2", "http"],
    ["nas", "exec"],
    ["camera", "mqtt"],
  ]);
  expect(config.shutdowns.get("build1")).toEqual({
    type: "ssh",
    host: "build1.lab",
    user: "root",
    port: 22,
    command: "poweroff",
    acceptNew: false,
  });
  expect(config.settings.pools).toEqual(
    new Map([["builders", { name: "builders", members: ["build1", "build2"], warm: 0 }]]),
  );
  expect(config.settings.resources.get("build2")?.outlets).toEqual(["rack-strip/3", "rack-strip/4"]);
  expect(config.descriptions.get("build1")).toBe("OBS worker with 64 cores");
  expect([...config.settings.outlets.keys()]).toEqual([
    "build1-plug",
    "rack-strip/1",
    "rack-strip/2",
    "rack-strip/3",
    "rack-strip/4",
    "lamp",
    "oven-relay",
    "shelf-plug",
    "bench-plug",
    "trial",
  ]);
  expect(config.settings.outlets.get("rack-strip/3")).toEqual({
    id: "rack-strip/3",
    switcher: "rack-strip",
    outlet: "3",
  });
});

test("the configuration with everything names every key that there is", () => {
  const text = readFileSync("config/everything.yaml", "utf8");
  const keys = new Set(schemaKeys(configJsonSchema()).map(({ key }) => key));
  expect([...keys].filter((key) => !new RegExp(`(^|[\\s{#])${key}:`, "m").test(text))).toEqual([]);
});

test("a file in JSON is read as well", () => {
  const json = JSON.stringify({
    mqtt: { url: "mqtt://broker.lab" },
    switchers: { plug1: { type: "tasmota", topic: "plug1" } },
    resources: { build1: { switcher: "plug1", offDelay: 90 } },
  });
  expect(right({ text: json }).config.settings.resources.get("build1")?.offDelay).toBe(90_000);
});

test("names of JavaScript's own are names like others", () => {
  const { config } = right({
    text: "mqtt: { url: mqtt://b }\nswitchers:\n  toString: { type: tasmota, topic: a }\nresources:\n  constructor: { switcher: toString }\n",
  });
  expect([...config.settings.resources.keys()]).toEqual(["constructor"]);
  expect([...config.switchers.keys()]).toEqual(["toString"]);
});

test("a resource takes each value from itself, then from the defaults, key by key", () => {
  const { config } = right({
    text: `${rightText}defaults: { offDelay: 0, ttl: { default: 1h, max: 2h } }\n`.replace(
      "build1: { switcher: plug1 }",
      "build1: { switcher: plug1, ttl: { max: 30d } }",
    ),
  });
  expect(config.settings.resources.get("build1")).toMatchObject({
    offDelay: 0,
    minOn: 5000,
    ttl: { default: 3_600_000, max: 2_592_000_000, total: 0 },
  });
});

const checkWith = (rest: string) =>
  right({
    text: rightText.replace("switcher: plug1 }", `switcher: plug1, check: { type: icmp, host: h${rest} } }`),
  }).config.settings.resources.get("build1")?.check;

test("a check's time-out is 2 s, whatever its interval", () => {
  expect(checkWith("")).toEqual({ interval: 10_000, timeout: 2000, rise: 1, fall: 3 });
  expect(checkWith(", interval: 2s")).toMatchObject({ interval: 2000, timeout: 2000 });
  expect(checkWith(", interval: 500ms")).toMatchObject({ interval: 500, timeout: 2000 });
  expect(checkWith(", interval: 3s, timeout: 3s")).toMatchObject({ interval: 3000, timeout: 3000 });
});

const ownUrlOf = (listen: string) =>
  right({
    text: rightText.replace(
      "mqtt: { url: mqtt://broker.lab }",
      `mqtt: { username: me }\nbroker: { listen: "${listen}", users: passwd }`,
    ),
    files: { "/etc/lab/passwd": passwords },
  }).config.mqtt.url;

test("without mqtt.url the embedded broker is used, at an address that reaches it", () => {
  expect(ownUrlOf("0.0.0.0:1884")).toBe("mqtt://127.0.0.1:1884");
  expect(ownUrlOf("[::]:1884")).toBe("mqtt://[::1]:1884");
  expect(ownUrlOf("10.0.0.7:65535")).toBe("mqtt://10.0.0.7:65535");
});

test("each way to reach a broker may be written", () => {
  for (const url of [
    "mqtt://b",
    "mqtts://b:8883",
    "ws://b/mqtt",
    "wss://b:443/mqtt?x=1",
    "mqtt://[::1]:1883",
    "MQTT://b/",
  ]) {
    expect(right({ text: rightText.replace("mqtt://broker.lab", `"${url}"`) }).config.mqtt.url).toBe(url);
  }
});

test("paths are relative to the configuration file, and certificates are read", () => {
  const { config } = right({
    text: `${rightText.replace("url: mqtt://broker.lab", "url: mqtts://b, ca: ca.pem, cert: /x/me.pem, key: me.key")}store: { path: db/tokens.db }\n`,
    files: {
      "/etc/lab/ca.pem": `the authority\n${certificate}`,
      "/x/me.pem": certificate,
      "/etc/lab/me.key": key,
    },
  });
  expect(config.store.path).toBe("/etc/lab/db/tokens.db");
  expect(config.mqtt.ca).toContain("the authority");
  expect(config.mqtt.cert).toBe(certificate);
  expect(config.secrets).toEqual([key]);
});

test("a configuration cannot be changed, its maps included", () => {
  const { config } = right({ text: rightText });
  expect(Object.isFrozen(config.settings.resources.get("build1")?.ttl)).toBe(true);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a caller without types could do
  expect(() => (config.settings.resources as Map<string, unknown>).delete("build1")).toThrow(
    "cannot be changed",
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a caller without types could do
  expect(() => (config.settings.operators as Set<string>).add("mallory")).toThrow("cannot be changed");
});

test("a host whose power would be cut without a shutdown is warned of, once each", () => {
  const text = rightText
    .replace("switcher: plug1 }", "switcher: plug1, check: { type: icmp, host: build1.lab } }")
    .replace("switcher: rack-strip/1 }", "switcher: rack-strip/1, check: { type: exec, command: [x] } }");
  expect(warningsOf({ text })).toEqual([
    "resources.build1: lastout will cut the power of the host 'build1.lab' without shutting it down; give it a shutdown, or write shutdown: none where that is meant",
  ]);
});

const hostWith = (rest: string) =>
  rightText.replace(
    "switcher: plug1 }",
    `switcher: plug1, check: { type: tcp, host: b, port: 22 }, ${rest} }`,
  );

test("no such warning is told where it is meant, or where the machine is told to shut down", () => {
  expect(warningsOf({ text: hostWith("shutdown: none") })).toEqual([]);
  expect(warningsOf({ text: hostWith("shutdown: { type: ssh, host: b, user: root }") })).toEqual([]);
  expect(warningsOf({ text: hostWith("offDelay: 0") })).toHaveLength(1);
});

const shutdownWith = (rest: string, more = "", plug = "simulated, watts: 60") =>
  rightText
    .replace("tasmota, topic: plug1", plug)
    .replace(
      "switcher: plug1 }",
      `switcher: plug1, shutdown: { type: ssh, host: build1.lab, user: root${rest} }${more} }`,
    );
const icmp = ", check: { type: icmp, host: build1.lab }";

test("a shutdown whose end nothing but the command shows, is warned of", () => {
  expect(warningsOf({ text: shutdownWith(", settle: 30s") })).toEqual([
    "resources.build1.shutdown: power is cut 30s after the command ended well, whether the machine is down by then or not; " +
      "give the resource a check, which shows it",
  ]);
  expect(warningsOf({ text: shutdownWith("", icmp) })).toEqual([]);
  expect(warningsOf({ text: shutdownWith(", idleBelow: 8") })).toEqual([]);
});

test("a shutdown that is given up before its check could show its end is warned of", () => {
  const check = ", check: { type: icmp, host: build1.lab, interval: 1s, timeout: 1s, fall: 3 }";
  expect(warningsOf({ text: shutdownWith(", timeout: 6s", check) })).toEqual([
    "resources.build1.shutdown.timeout: it takes up to 6s until its check shows that it is gone (fall 3, every 1s); 6s end before that, 2m are usual",
  ]);
  expect(warningsOf({ text: shutdownWith(", timeout: 7s", check) })).toEqual([]);
});

test("power that is cut from a machine that may not be down is warned of", () => {
  expect(warningsOf({ text: shutdownWith(", onTimeout: cut", icmp) })).toEqual([
    "resources.build1.shutdown.onTimeout: after 2m power is cut from a machine that may still be writing to its disks; " +
      "keep leaves it on and tells the problem shutdown-timeout",
  ]);
  expect(warningsOf({ text: shutdownWith(", settle: 999ms", icmp) })).toEqual([
    "resources.build1.shutdown.settle: 999ms after the last answer, disks may still be written to; 10s is usual",
  ]);
  expect(warningsOf({ text: shutdownWith(", settle: 1s", icmp) })).toEqual([]);
  expect(warningsOf({ text: shutdownWith(", settle: 0, idleBelow: 8", icmp) })).toEqual([]);
});

test("a machine that would be shut down at another one's end is warned of", () => {
  const text = shutdownWith("", ", check: { type: icmp, host: build2.lab }").replace(
    "switcher: rack-strip/1 }",
    "switcher: rack-strip/1, check: { type: icmp, host: BUILD1.lab }, shutdown: none }",
  );
  expect(warningsOf({ text })).toEqual([
    "resources.build1.shutdown.host: this is the host of the resource 'rack-switch', which would be shut down when nobody uses 'build1' any more",
  ]);
});

test("a meter that shows another resource's power, too, is warned of", () => {
  const text = shutdownWith(", idleBelow: 8", icmp).replace(
    "switcher: rack-strip/1 }",
    "switcher: [plug1, rack-strip/1] }",
  );
  expect(warningsOf({ text })).toEqual([
    "resources.build1.shutdown.idleBelow: the meter of 'plug1' shows what the resource 'rack-switch' draws, too; idleBelow has to be above that",
  ]);
});

test("files for a shutdown that cannot be used are warned of", () => {
  const text = shutdownWith(", identity: /etc/lastout/id", icmp);
  const file = "resources.build1.shutdown.identity:";
  expect(warningsOf({ text })).toEqual([
    `${file} the file cannot be read: no such file; without it the shutdown fails`,
  ]);
  const files = { "/etc/lastout/id": "-----BEGIN OPENSSH PRIVATE KEY-----" };
  expect(warningsOf({ text, files })).toEqual([]);
  expect(warningsOf({ text, files, open: true })).toEqual([
    `${file} others than its owner may read this private key, so that ssh does not use it; chmod 600 it`,
  ]);
  expect(warningsOf({ text: text.replace("/etc/lastout/id", "~/.ssh/id") })).toEqual([]);
  const hosts = text.replace("identity: /etc/lastout/id", "knownHosts: /etc/lastout/hosts");
  expect(warningsOf({ text: hosts }).map((warning) => warning.split(":")[0])).toEqual([
    "resources.build1.shutdown.knownHosts",
  ]);
  expect(warningsOf({ text: hosts.replace("hosts }", "hosts, acceptNew: true }") })).toEqual([]);
  const ca = text.replace(
    "type: ssh, host: build1.lab, user: root, identity:",
    "type: http, url: 'https://b', ca:",
  );
  expect(warningsOf({ text: ca }).map((warning) => warning.split(":")[0])).toEqual([
    "resources.build1.shutdown.ca",
  ]);
  expect(warningsOf({ text: ca, files: { "/etc/lastout/id": "" }, open: true })).toEqual([]);
});

test("operators who have no effect, and users whom nothing binds or operates, are warned of", () => {
  expect(warningsOf({ text: `${rightText}operators: [laforge]\n` })).toEqual([
    "operators: has no effect: with access: open anybody may override, cycle and end the tokens of others; write access: users",
  ]);
  expect(warningsOf({ text: `${rightText}access: users\n` })).toEqual([
    "access: no operators are named, so nobody may override, cycle or end the tokens of others; name them as operators",
  ]);
  const { config, warnings } = right({ text: `${rightText}access: users\noperators: [laforge, "é 1"]\n` });
  expect(warnings).toEqual([]);
  expect(config.settings.access).toBe("users");
  expect(config.settings.operators).toEqual(new Set(["laforge", "é 1"]));
  const embedded = rightText.replace("mqtt: { url: mqtt://broker.lab }", "broker: {}");
  expect(warningsOf({ text: `${embedded}access: users\noperators: [laforge]\n` })).toEqual([
    "access: the embedded broker lets every client publish as any user; only a broker with access rules, such as mosquitto with an " +
      "acl_file, makes users binding",
  ]);
});

test("outlets may be shared, and one resource may have several", () => {
  const { config, warnings } = right({
    text: `${rightText}  build2: { switcher: [rack-strip/2, plug1], needs: [rack-switch], capacity: 3 }\n`,
  });
  expect(warnings).toEqual([]);
  expect(config.settings.resources.get("build2")).toMatchObject({
    outlets: ["rack-strip/2", "plug1"],
    needs: ["rack-switch"],
    capacity: 3,
  });
  expect(config.settings.resources.get("build1")?.outlets).toEqual(["plug1"]);
});

test("switch-ons are a second apart in a group, and not held back at a single outlet, unless the file says otherwise", () => {
  const { config } = right({
    text: rightText.replace(
      "resources:",
      "  one: { type: simulated, outlets: 1 }\n  slow: { type: simulated, stagger: 5s }\n  fast: { type: simulated, outlets: 2, stagger: 0 }\nresources:",
    ),
  });
  expect([...config.settings.switchers.values()].map(({ name, stagger }) => [name, stagger])).toEqual([
    ["plug1", 0],
    ["rack-strip", 1000],
    ["one", 0],
    ["slow", 5000],
    ["fast", 0],
  ]);
  expect(config.switchers.get("fast")?.options).not.toHaveProperty("stagger");
});

test("pools have members and a number of warm ones, up to all of them", () => {
  const { config } = right({
    text: `${rightText}pools:\n  all: { members: [build1, rack-switch], warm: 2 }\n  again: { members: [build1] }\n`,
  });
  expect([...config.settings.pools.values()]).toEqual([
    { name: "all", members: ["build1", "rack-switch"], warm: 2 },
    { name: "again", members: ["build1"], warm: 0 },
  ]);
});

test("needs may meet again without being a circle", () => {
  const { config } = right({
    text: `${rightText}  a: { switcher: rack-strip/2, needs: [b, c] }\n  b: { switcher: rack-strip/3, needs: [c] }\n  c: { switcher: rack-strip/4 }\n`,
  });
  expect(config.settings.resources.get("a")?.needs).toEqual(["b", "c"]);
});

test("shutdowns keep what their kind needs; times and counts go to the settings", () => {
  const { config } = right({
    text: shutdownWith(
      ", timeout: 30s, settle: 29s",
      `${icmp}, keepWhile: { type: tcp, host: b, port: 22, interval: 1m, timeout: 5s, rise: 2, fall: 1 }`,
    ),
  });
  expect(config.settings.resources.get("build1")).toMatchObject({
    shutdown: { timeout: 30_000, settle: 29_000, idleBelow: undefined, onTimeout: "keep" },
    keepWhile: { interval: 60_000, timeout: 5000, rise: 2, fall: 1 },
  });
  expect(config.guards.get("build1")).toEqual({ type: "tcp", host: "b", port: 22 });
  expect(config.shutdowns.get("build1")).not.toHaveProperty("settle");
});

test("a bearer token is a secret", () => {
  const text = rightText.replace(
    "switcher: plug1 }",
    `switcher: plug1${icmp}, shutdown: { type: http, url: "https://b", bearer: hunter2hunter2 } }`,
  );
  expect(right({ text }).config.secrets).toEqual(["hunter2hunter2"]);
  expect(warningsOf({ text, open: true }).map((warning) => warning.split(":")[0])).toEqual([
    "resources.build1.shutdown.bearer",
  ]);
});

test("a file without resources, and switchers that nothing uses, are warned of", () => {
  expect(warningsOf({ text: rightText.slice(0, rightText.indexOf("resources")) })).toEqual([
    "resources: there are no resources: nothing can be acquired",
  ]);
  expect(warningsOf({ text: rightText.replace("  rack-switch: { switcher: rack-strip/1 }\n", "") })).toEqual([
    "switchers.rack-strip: no resource uses this switcher",
  ]);
});

test("a total validity below the usual one, and a controller that its own broker would not let in, are warned of", () => {
  expect(warningsOf({ text: `${rightText}defaults: { ttl: { total: 1h } }\n` })).toEqual([
    "defaults.ttl.total: every token ends after ttl.total 1h, also one of the usual validity (ttl.default 12h)",
  ]);
  const text = rightText.replace("mqtt: { url: mqtt://broker.lab }", "broker: { users: passwd }");
  expect(warningsOf({ text, files: { "/etc/lab/passwd": passwords } })).toEqual([
    "broker.users: the embedded broker asks everybody for a password, lastout itself as well; give mqtt.username and mqtt.password",
  ]);
});

test("passwords, keys and secret files that others may read are warned of", () => {
  const text = rightText.replace(
    "mqtt://broker.lab }",
    "mqtts://b, cert: c, key: k, username: me, password: hunter2, clientId: '${file:id}${file:/run/secrets/id}' }",
  );
  const files = {
    "/etc/lab/c": certificate,
    "/etc/lab/k": key,
    "/etc/lab/id": "abc",
    "/run/secrets/id": "def",
  };
  expect(warningsOf({ text, files })).toEqual([]);
  expect(warningsOf({ text, files, open: true }).toSorted()).toEqual([
    "mqtt.clientId: others than its owner may read the secret behind '${file:id}'; chmod 600 it",
    "mqtt.key: others than its owner may read this private key; chmod 600 it",
    "mqtt.password: a password stands in a file that others than its owner may read; chmod 600 it, or write ${ENV_NAME} or ${file:/run/secrets/x}",
  ]);
});

const find = (there: readonly string[]) =>
  findConfigFile({ HOME: "/h" }, "/lab", (path) => there.includes(path));

test("the file is looked for beside the user, then in the user's folder, then in the machine's", () => {
  expect(configPlaces({ HOME: "/home/laforge" }, "/lab")).toEqual([
    "/lab/lastout.yaml",
    "/home/laforge/.config/lastout/lastout.yaml",
    "/etc/lastout/lastout.yaml",
  ]);
  expect(configPlaces({ HOME: "/home/laforge", XDG_CONFIG_HOME: "/xdg" }, "/lab")[1]).toBe(
    "/xdg/lastout/lastout.yaml",
  );
  expect(configPlaces({ XDG_CONFIG_HOME: "not/absolute" }, "/lab")).toHaveLength(2);
  expect(find(["/etc/lastout/lastout.yaml", "/h/.config/lastout/lastout.yaml"])).toBe(
    "/h/.config/lastout/lastout.yaml",
  );
  expect(find([])).toBeUndefined();
});

test("a file that is not there is one mistake without a place", () => {
  const loaded = loadConfig({ file: "/nowhere/lastout.yaml", env: {} });
  expect(loaded.ok ? [] : mistakesToJson(loaded.mistakes)).toEqual([
    {
      file: "/nowhere/lastout.yaml",
      line: null,
      column: null,
      path: null,
      message: "the file cannot be read: no such file",
    },
  ]);
});

test("the machine-readable form has file, line, column, path and message", () => {
  const loaded = loadLab({ text: `${rightText}observe: maybe\n` });
  expect(loaded.ok ? [] : mistakesToJson(loaded.mistakes)).toEqual([
    { file: configFile, line: 8, column: 10, path: "observe", message: "must be true or false, not 'maybe'" },
  ]);
});

test("the JSON Schema for editors, config/lastout.schema.json, is up to date", async () => {
  await expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    "../../config/lastout.schema.json",
  );
});

test("every key of the JSON Schema is described", () => {
  const missing = schemaKeys(configJsonSchema()).filter(({ described }) => !described);
  expect(missing).toEqual([]);
});

const blind = (resources: string): readonly string[] =>
  warningsOf({
    text: `mqtt: { url: mqtt://b }\nswitchers:\n  s: { type: mqtt, command: c, assume: on }\nresources:\n${resources}`,
  });

test("a switcher that cannot tell where its relay stands is told as a warning, and what that means for what is behind it", () => {
  const told =
    "switchers.s: nothing tells where its relay stands: a command that is lost, a hand at the switch and a power cut go unnoticed, and a " +
    "lockout shows only that it was told to go off; ";
  expect(blind("  a: { switcher: s }\n")).toEqual([
    `${told}give 'a' a check, or it counts as available because it was told to be`,
  ]);
  expect(blind("  a: { switcher: s }\n  b: { switcher: s }\n")).toEqual([
    `${told}give 'a' and 1 more a check, or it counts as available because it was told to be`,
  ]);
  expect(blind("  a: { switcher: s, check: { type: tcp, host: a, port: 22 }, shutdown: none }\n")).toEqual([
    `${told}only the check shows whether the machine has power`,
  ]);
});

const spoken = (more: string): readonly string[] =>
  warningsOf({
    text: `mqtt: { url: mqtt://b }\nswitchers:\n  s: { type: mqtt, command: c, state: s${more} }\nresources:\n  a: { switcher: s }\n`,
  });

test("a switcher that can neither be asked nor seen to be there is told as a warning", () => {
  expect(spoken("")).toEqual([
    "switchers.s: it cannot be asked where it stands, and nothing shows whether it is there: until it tells its position by itself that is " +
      "unknown, and an outlet whose position is unknown is not switched; give it a query, or an availability for what it retains",
  ]);
  expect(spoken(", query: { topic: q }")).toEqual([]);
  expect(spoken(", availability: { topic: a }")).toEqual([]);
});

const below = (switcher: string): boolean =>
  loadLab({
    text: `mqtt: { url: mqtt://b }\nswitchers:\n  s: { type: mqtt, ${switcher} }\nresources:\n  a: { switcher: s, check: { type: icmp, host: a }, shutdown: { type: exec, command: [x], idleBelow: 8 } }\n`,
  }).ok;

test("a power to fall below is refused where an MQTT device has no meter, and taken where it has one", () => {
  expect(below("preset: shelly-gen1, device: s1")).toBe(true);
  expect(below("preset: esphome, device: n, channel: relay")).toBe(false);
  expect(below("preset: esphome, device: n, channel: relay, power: { topic: n/sensor/power/state }")).toBe(
    true,
  );
  expect(below("command: c, state: s, energy: { topic: e }")).toBe(false);
});
