// Every mistake that people make in a configuration, and what they are told, as one transcript to read and review:
// wrong-configurations.txt. `vitest run -u` writes it anew.

import { expect, test } from "vitest";
import { printMistakes } from "../../src/config/print.ts";
import { certificate, lockedKey, otherKey, passwords } from "./credentials-files.ts";
import { type Lab, loadLab } from "./lab.ts";

interface Case extends Lab {
  readonly title: string;
}

const broker = "mqtt: { url: mqtt://broker.lab }\n";
const plug = "switchers:\n  plug1: { type: tasmota, topic: plug1 }\n";
const groups =
  "switchers:\n  plug1: { type: tasmota, topic: plug1 }\n  rack-strip: { type: tasmota, topic: strip1, outlets: 4 }\n";
const build = "resources:\n  build1: { switcher: plug1 }\n";

const cases: readonly Case[] = [
  // What is no YAML, or not one mapping.
  { title: "an empty file", text: "" },
  { title: "a file of comments only", text: "# mqtt:\n#   base: lastout\n" },
  { title: "a tab for indentation", text: "mqtt:\n\tbase: lastout\n" },
  {
    title: "a bracket that is not closed",
    text: "switchers:\n  plug1: { type: tasmota, topic: plug1\nresources:\n",
  },
  {
    title: "keys that do not begin in the same column",
    text: "mqtt:\n  url: mqtt://broker.lab\n   base: lastout\n",
  },
  { title: "two documents in one file", text: `${broker}---\n${plug}` },
  { title: "a text that YAML reads as something else", text: "mqtt:\n  base: @lab\n" },
  {
    title: "a text with a colon and a blank",
    text: "resources:\n  build1:\n    description: worker: the big one\n",
  },
  { title: "a tag", text: "mqtt: { base: !!js/function 'function () {}' }\n" },
  { title: "an alias without its anchor", text: "mqtt:\n  password: *hunter2\n" },
  { title: "an alias within itself", text: "resources:\n  build1: &b { check: *b }\n" },
  {
    title: "aliases that multiply",
    text: `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${"*a,".repeat(10)}]\nc: &c [${"*b,".repeat(10)}]\nd: &d [${"*c,".repeat(10)}]\ne: &e [${"*d,".repeat(10)}]\n`,
  },
  { title: "a control character", text: "mqtt: { base: 'last\u0007out' }\n" },
  { title: "a list in the place of the whole", text: "- mqtt\n- broker\n" },
  { title: "no blank after a colon, the whole being one text", text: "observe:true\n" },
  {
    title: "no blank after a colon in braces",
    text: `mqtt: { url: mqtt://broker.lab, base:lab }\n${plug}${build}`,
  },
  { title: "a mapping as a key", text: "? { a: b }\n: c\n" },
  {
    title: "the same key twice, with other mistakes beside",
    text: `${broker}${plug}resources:\n  build1:\n    switcher: plug1\n    offDelay: 1m\n    offDelay: soon\n  build1: { switcher: plug9 }\n`,
  },
  { title: "a larger file than any configuration", text: `# ${"x".repeat(1_048_576)}` },

  // Keys and values.
  {
    title: "misspelt keys, in every depth",
    text: `mqqt: { url: mqtt://broker.lab }\n${plug}resources:\n  build1: { swicher: plug1, check: { type: icmp, host: b, intervall: 5s } }\n`,
  },
  { title: "keys of nothing known", text: `${broker}${plug}${build}zigbee: true\n` },
  { title: "sections without a value", text: `mqtt:\nbroker:\n${plug}resources:\n` },
  {
    title: "required keys that are missing",
    text: `${broker}switchers:\n  plug1: { type: tasmota }\n  plug2: { topic: plug2 }\nresources:\n  build1: {}\n  build2: { switcher: plug1, check: { host: b } }\n`,
  },
  {
    title: "values of the wrong type",
    text: `mqtt: { url: mqtt://broker.lab, clientId: 17, replyPrefixes: a/b }\nobserve: yes\nlimits: { tokens: "5000", payload: 1.5 }\nlog: debug\n${plug}resources:\n  build1: { switcher: { name: plug1 }, needs: rack-switch, capacity: 1.5 }\npools: [build1]\n`,
  },
  {
    title: "lists that are none, too short, or with something else in them",
    text: `${broker}access: users\noperators: laforge\n${plug}resources:\n  a: { switcher: [] }\n  b: { switcher: [plug1, 2], needs: [1] }\n  c: { switcher: [""] }\npools:\n  p: { members: [] }\n  q: {}\n  r: { members: a }\n`,
  },
  {
    title: "words that are no choice",
    text: `${broker}log: { level: warning }\ndefaults: { onExternalOn: adpot }\n${plug}${build}`,
  },
  { title: "a log level that there is not", text: `${broker}log: { level: trace }\n${plug}${build}` },
  { title: "a rule of access that there is not", text: `${broker}access: user\n${plug}${build}` },
  {
    title: "operators that cannot be users",
    text: `${broker}access: users\noperators: [laforge, "a/b", "", "la+forge", laforge, 7]\n${plug}${build}`,
  },
  {
    title: "an operator named twice",
    text: `${broker}access: users\noperators: [laforge, data, laforge]\n${plug}${build}`,
  },
  {
    title: "sections that a later release has",
    text: `${broker}${plug}${build}homeAssistant: { discovery: true }\ninflux: { url: http://influx.lab }\nprices: { kwh: 0.32 }\n`,
  },
  {
    title: "an unknown kind of switcher, and of check",
    text: `${broker}switchers:\n  plug1: { type: tasmoto, topic: plug1 }\n  pdu: { type: apc }\nresources:\n  build1: { switcher: plug1, check: { type: ping, host: b } }\n`,
  },
  {
    title: "kinds of switchers and checks that later releases have",
    text: `${broker}switchers:\n  a: { type: sispm, serial: "01:02" }\n  b: { type: http }\n  c: { type: jenkins }\nresources:\n  r: { switcher: a, check: { type: http, url: http://r }, keepWhile: { type: all, of: [] } }\n  s: { switcher: b, check: { type: sispm }, shutdown: { type: power } }\n`,
  },
  {
    title: "one word in the place of a section",
    text: `mqtt: mqtt://broker.lab\n${plug}resources:\n  a: { switcher: plug1, check: icmp, shutdown: ssh }\n  b: { switcher: plug1, check: ping }\n  c: { switcher: plug1, check: c.lab, shutdown: true }\n  d: plug1\n`,
  },
  {
    title: "things by another name",
    text: `${broker}log: { level: verbose }\nswitchers:\n  a: { type: shelly }\n  b: { type: mqtt, preset: shelly, device: x }\n  c: { type: mqtt, command: c, state: { topic: c } }\nresources:\n  build1: { switcher: a, check: { type: ping, host: b } }\n`,
  },
  {
    title: "numbers with their units",
    text: `${broker}limits: { payload: 16k, tokens: 10m }\n${plug}${build}`,
  },
  {
    title: "durations that are longer than any may be",
    text: `${broker}defaults: { offDelay: 36500d, minOn: 864000001, minOff: 10000d }\n${plug}${build}`,
  },
  {
    title: "durations that are none",
    text: `${broker}restartGrace: half a minute\nlostGrace: -5\ndefaults: { offDelay: 10 min, minOn: true, bootTimeout: 0 }\n${plug}${build}`,
  },
  {
    title: "numbers beyond their limits",
    text: `${broker}limits: { tokens: 0, payload: 100 }\ndefaults: { bootRetries: -1 }\nswitchers:\n  plug1: { type: tasmota, topic: plug1, outlets: 33 }\nresources:\n  build1: { switcher: plug1/1, check: { type: tcp, host: b, port: 65536, rise: 0, fall: 0 } }\n`,
  },

  // What has to fit together.
  { title: "neither broker", text: `${plug}${build}` },
  {
    title: "names that cannot be",
    text: `${broker}switchers:\n  -plug: { type: tasmota, topic: plug1 }\n  "plug 2": { type: tasmota, topic: plug2 }\nresources:\n  controller: { switcher: "-plug" }\n  "a/b": { switcher: "plug 2" }\n`,
  },
  {
    title: "a switcher that there is not",
    text: `${broker}${groups}resources:\n  build1: { switcher: plug11 }\n  build2: { switcher: rack-stirp/2 }\n  build3: { switcher: garage }\n`,
  },
  { title: "no switchers at all", text: `${broker}${build}` },
  {
    title: "outlets that a switcher does not have",
    text: `${broker}${groups}resources:\n  a: { switcher: rack-strip/5 }\n  b: { switcher: rack-strip/0 }\n  c: { switcher: rack-strip }\n  d: { switcher: plug1/1 }\n  e: { switcher: rack-strip/one }\n`,
  },
  {
    title: "outlets in a list that are wrong, or named twice",
    text: `${broker}${groups}resources:\n  a: { switcher: [plug1, rack-strip/5, plog1] }\n  b: { switcher: [rack-strip/1, rack-strip/2, rack-strip/1] }\n`,
  },
  {
    title: "needs that there are not, named twice, or itself",
    text: `${broker}${groups}resources:\n  rack-switch: { switcher: rack-strip/1 }\n  a: { switcher: plug1, needs: [rack-swich, a, rack-switch, rack-switch, zzz] }\n`,
  },
  {
    title: "a pool that is needed",
    text: `${broker}${plug}resources:\n  a: { switcher: plug1, needs: [builders] }\npools:\n  builders: { members: [a] }\n`,
  },
  {
    title: "needs in circles",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1, needs: [b] }\n  b: { switcher: rack-strip/1, needs: [c] }\n  c: { switcher: rack-strip/2, needs: [a, d] }\n  d: { switcher: rack-strip/3, needs: [c] }\n`,
  },
  {
    title: "a circle of many",
    text: `${broker}switchers:\n  s: { type: simulated, outlets: 40 }\nresources:\n${Array.from({ length: 40 }, (_, index) => `  r${index}: { switcher: s/${index + 1}, needs: [r${(index + 1) % 40}] }\n`).join("")}`,
  },
  {
    title: "a need on the same outlet, at once and by a detour",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1, needs: [b] }\n  b: { switcher: [rack-strip/1, plug1] }\n  c: { switcher: rack-strip/2, needs: [d] }\n  d: { switcher: rack-strip/3, needs: [e] }\n  e: { switcher: [rack-strip/4, rack-strip/2] }\n`,
  },
  {
    title: "needs in a circle over the outlets of others",
    text: `${broker}${groups}resources:\n  board: { switcher: rack-strip/1, needs: [switch] }\n  switch: { switcher: plug1 }\n  host: { switcher: plug1, needs: [nas] }\n  nas: { switcher: [rack-strip/2, rack-strip/3] }\n  fan: { switcher: [rack-strip/3, rack-strip/1] }\n`,
  },
  {
    title: "pools that do not fit",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1 }\n  b: { switcher: rack-strip/1 }\npools:\n  a: { members: [a] }\n  reply: { members: [a, b, a] }\n  "p 1": { members: [c, bb] }\n  nested: { members: [many, a] }\n  many: { members: [a, b], warm: 3 }\n  fewer: { members: [a], warm: -1, size: 1 }\n`,
  },
  {
    title: "pools without resources",
    text: `${broker}pools:\n  p: { members: [a] }\n`,
  },
  {
    title: "one relay under two names",
    text: `${broker}switchers:\n  strip: { type: tasmota, topic: s1, outlets: 4 }\n  third: { type: tasmota, topic: s1, outlet: 3 }\n  other: { type: tasmota, topic: s1, outlet: 5 }\nresources:\n  a: { switcher: strip/1 }\n  b: { switcher: third }\n  c: { switcher: other }\n`,
  },
  {
    title: "presets that are told too little, too much or the wrong thing",
    text: `${broker}switchers:\n  a: { type: mqtt, preset: shelly }\n  b: { type: mqtt, preset: esphome }\n  c: { type: mqtt, preset: shelly-gen1, device: s1, state: x, on: ON, assume: on }\n  d: { type: mqtt, preset: shelly-gen2, device: s2, base: shellies }\n  e: { type: mqtt, preset: esphome, device: n, channel: Relay 1 }\n  f: { type: mqtt, preset: esphome, device: n, channel: relay, outlets: 2 }\n  g: { type: mqtt, preset: zigbee2mqtt, device: rack/+ }\n  h: { type: mqtt, preset: zigbee2mqtt, device: rack/ }\n  i: { type: mqtt, preset: shelly-gen1, device: s1, channel: "{{outlt}}" }\n  j: { type: mqtt, device: s1, command: c, state: s }\nresources: {}\n`,
  },
  {
    title: "MQTT devices whose parts do not fit together",
    text: `${broker}switchers:\n  a: { type: mqtt }\n  b: { type: mqtt, command: c, assume: on, stateOn: 1, query: { topic: q } }\n  c: { type: mqtt, command: c, state: s, assume: off }\n  d: { type: mqtt, command: c, on: '{"s":1}', off: '{"s":0}', state: s, path: s }\n  e: { type: mqtt, command: c, on: X, off: X, state: s }\n  f: { type: mqtt, command: c, state: s, stateOn: X, stateOff: X }\n  g: { type: mqtt, command: c, outlets: 2, state: "s/{{outlet}}" }\n  h: { type: mqtt, command: "c/{{index}}", outlets: 2, state: s }\n  i: { type: mqtt, command: c, state: [{ topic: s, pth: x }, { topic: c }] }\n  j: { type: mqtt, command: c, state: [{ topic: s }, { topic: c }] }\n  k: { type: mqtt, command: c, state: s, query: { topic: s } }\n  l: { type: mqtt, command: "c/{{otlet}}", state: s }\n  m: { type: mqtt, command: c, state: [{ topic: s }], path: x }\n  n: { type: mqtt, preset: esphome, device: n, channel: c, power: { topic: "n/{{nmae}}/p" } }\n  o: { type: mqtt, preset: shelly-gen1, device: o, query: { topic: q, payload: "{{foo}}" }, availability: { topic: "a/{{baz}}" } }\nresources: {}\n`,
  },
  {
    title: "MQTT devices with values that cannot be",
    text: `${broker}switchers:\n  a: { type: mqtt, command: c/+, state: $SYS/x, path: a..b, on: { s: 1 } }\n  b: { type: mqtt, command: "", state: [], query: { payload: x }, power: 5, energy: { topic: e, scale: 0 } }\n  c: { type: mqtt, command: c, assume: maybe, outlets: 65, availability: { topic: a, onlin: yes } }\nresources: {}\n`,
  },
  {
    title: "one relay of an MQTT device under two names, and a base topic above a device",
    text: `mqtt: { url: mqtt://broker.lab, base: shellies }\nswitchers:\n  strip: { type: mqtt, preset: shelly-gen1, device: s1, outlets: 4 }\n  third: { type: mqtt, preset: shelly-gen1, device: s1, channel: 2 }\n  two: { type: mqtt, preset: shelly-gen2, device: p1 }\n  same: { type: mqtt, preset: shelly-gen2, device: p1, channel: 0 }\nresources: {}\n`,
  },
  {
    title: "a usual validity beyond the longest",
    text: `${broker}defaults: { ttl: { max: 1h } }\n${plug}resources:\n  build1: { switcher: plug1, ttl: { default: 30m } }\n`,
  },
  {
    title: "a usual validity beyond the longest, in a resource",
    text: `${broker}defaults: { ttl: { default: 30m, max: 1h } }\n${plug}resources:\n  build1: { switcher: plug1, ttl: { default: 2h } }\n`,
  },
  {
    title: "shutdowns that are none",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1, shutdown: no }\n  b: { switcher: rack-strip/1, shutdown: {} }\n  c: { switcher: rack-strip/2, shutdown: { type: sssh, host: b } }\n  d: { switcher: rack-strip/3, shutdown: { type: ssh, host: b } }\n  e: { switcher: rack-strip/4, shutdown: }\n`,
  },
  {
    title: "shutdowns with values that cannot be",
    text: `${broker}${groups}resources:\n  a:\n    switcher: plug1\n    shutdown: { type: ssh, host: "-oProxyCommand=x", user: "root; reboot", identity: id, tiemout: 1m, settle: soon, idleBelow: 0, onTimeout: cur }\n  b: { switcher: rack-strip/1, shutdown: { type: exec, command: poweroff, timeout: 0, idleBelow: 8W } }\n  c: { switcher: rack-strip/2, shutdown: { type: http, url: build1.lab, bearer: 17 } }\n  d: { switcher: rack-strip/3, shutdown: { type: mqtt, topic: a/+, idleBelow: 100001 } }\n`,
  },
  {
    title: "a shutdown and other keys of resources in the defaults",
    text: `${broker}defaults: { shutdown: { type: ssh, host: b, user: root }, needs: [a], check: none, stagger: 1s }\n${plug}${build}`,
  },
  {
    title: "shutdowns whose end nothing would show",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1, shutdown: { type: http, url: "http://a.lab/off" } }\n  b: { switcher: rack-strip/1, shutdown: { type: mqtt, topic: b/off, idleBelow: 8 } }\n`,
  },
  {
    title: "a power to fall below where nothing measures",
    text: `${broker}switchers:\n  s: { type: simulated, outlets: 2 }\n  plug1: { type: tasmota, topic: plug1 }\nresources:\n  a: { switcher: [plug1, s/2], check: { type: icmp, host: a }, shutdown: { type: exec, command: [x], idleBelow: 8 } }\n`,
  },
  {
    title: "shutdowns that would talk to lastout or to a relay",
    text: `${broker}${groups}resources:\n  a: { switcher: plug1, check: { type: icmp, host: a }, shutdown: { type: mqtt, topic: lastout/b/release } }\n  b: { switcher: rack-strip/1, check: { type: icmp, host: b }, shutdown: { type: mqtt, topic: cmnd/plug1/POWER } }\n  c: { switcher: rack-strip/2, check: { type: icmp, host: c }, shutdown: { type: mqtt, topic: lastout2/off } }\n`,
  },
  {
    title: "a keepWhile that is no check",
    text: `${broker}${plug}resources:\n  a: { switcher: plug1, keepWhile: { type: exce, command: [x] } }\n  b: { switcher: plug1, keepWhile: { type: exec, command: [x], interval: 5ms, rise: 0, retries: 3 } }\n`,
  },
  {
    title: "HTTP, which a later release has",
    text: `${broker}http: { listen: 127.0.0.1:8490 }\n${plug}${build}`,
  },
  {
    title: "limits, capacities and pauses beyond their bounds",
    text: `${broker}limits: { starting: -1 }\nswitchers:\n  plug1: { type: tasmota, topic: plug1, stagger: -1s }\n  plug2: { type: tasmota, topic: plug2 }\nresources:\n  a: { switcher: plug2, capacity: -1 }\n  b: { switcher: plug2, capacity: some }\n`,
  },
  ...["lab/#", "$SYS/lab", "/lastout", "lastout/", "cmnd", "tasmota/discovery", ""].map((base) => ({
    title: `the base topic '${base}'`,
    text: `mqtt: { url: mqtt://broker.lab, base: "${base}" }\n${plug}${build}`,
  })),
  {
    title: "a base topic above a device's topics",
    text: `mqtt: { url: mqtt://broker.lab, base: lab }\nswitchers:\n  plug1: { type: tasmota, topic: plug1, fullTopic: lab/%topic%/%prefix%/ }\n${build}`,
  },
  {
    title: "reply topics that meet others",
    text: `mqtt: { url: mqtt://broker.lab, base: lab/lastout, replyPrefixes: [lab, lab/lastout/build1, stat/x, a/+/b, jobs/, lab/lastout/reply/ci, jobs] }\n${plug}${build}`,
  },
  ...[
    "http://broker.lab",
    "tcp://broker.lab",
    "broker.lab:1883",
    "mqtt://",
    "mqtt://ci:hunter2@broker.lab",
    "mqtt://broker.lab/x",
    "mqtt://broker.lab:99999",
  ].map((url) => ({ title: `a broker at ${url}`, text: `mqtt:\n  url: ${url}\n${plug}${build}` })),
  {
    title: "TLS files without TLS, a certificate without its key",
    text: `mqtt: { url: mqtt://broker.lab, ca: ca.pem, cert: me.pem }\n${plug}${build}`,
    files: { "/etc/lab/ca.pem": certificate },
  },
  {
    title: "TLS files that are none",
    text: `mqtt: { url: mqtts://broker.lab, ca: ca.pem, cert: me.pem, key: gone.pem }\n${plug}${build}`,
    files: { "/etc/lab/ca.pem": "hello", "/etc/lab/me.pem": certificate },
  },
  {
    title: "TLS files that are damaged",
    text: `mqtt: { url: mqtts://broker.lab, ca: ca.pem, cert: me.pem, key: me.key }\n${plug}${build}`,
    files: {
      "/etc/lab/ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "/etc/lab/me.pem": certificate,
      "/etc/lab/me.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    },
  },
  {
    title: "the key of another certificate",
    text: `mqtt: { url: mqtts://broker.lab, cert: me.pem, key: me.key }\n${plug}${build}`,
    files: { "/etc/lab/me.pem": certificate, "/etc/lab/me.key": otherKey },
  },
  {
    title: "a key with a passphrase",
    text: `mqtt: { url: mqtts://broker.lab, cert: me.pem, key: me.key }\n${plug}${build}`,
    files: { "/etc/lab/me.pem": certificate, "/etc/lab/me.key": lockedKey },
  },
  {
    title: "a password without a user",
    text: `mqtt:\n  url: mqtt://broker.lab\n  password: hunter2\n${plug}${build}`,
  },
  {
    title: "a password that is a number",
    text: `mqtt:\n  url: mqtt://broker.lab\n  username: ci\n  password: 4711\n${plug}${build}`,
  },
  ...["1883", "localhost", "127.0.0.1:0", "0.0.0.0:1883", "'[::]:1883'"].map((listen) => ({
    title: `an embedded broker on ${listen}`,
    text: `broker: { listen: ${listen} }\n${plug}${build}`,
  })),
  {
    title: "a password file of the broker that is missing",
    text: `broker: { listen: 0.0.0.0:1883, users: passwd }\n${plug}${build}`,
  },
  {
    title: "a password file of the broker with plain passwords",
    text: `broker: { users: passwd }\nmqtt: { username: me }\n${plug}${build}`,
    files: { "/etc/lab/passwd": "me:secret\nyou:$7$101$x\n".repeat(4) },
  },
  {
    title: "a password file of the broker without users",
    text: `broker: { users: passwd }\nmqtt: { username: me }\n${plug}${build}`,
    files: { "/etc/lab/passwd": "# nobody yet\n" },
  },
  {
    title: "a password file of the broker that does not let lastout in",
    text: `broker: { users: passwd }\nmqtt: { username: lastout }\n${plug}${build}`,
    files: { "/etc/lab/passwd": passwords },
  },

  // Secrets.
  {
    title: "a variable within a default",
    text: `mqtt: { url: "mqtt://\${BROKER:-\${OTHER}}" }\n${plug}${build}`,
    env: { BROKER: "broker.lab" },
  },
  {
    title: "an environment variable that is not set",
    text: `mqtt:\n  url: mqtt://broker.lab\n  username: ci\n  password: \${LASTOUT_PASWORD}\n${plug}${build}`,
    env: { LASTOUT_PASSWORD: "correct horse" },
  },
  {
    title: "references that are none",
    text: `mqtt:\n  url: mqtt://broker.lab\n  username: \${1A}\n  clientId: "\${OPEN"\n  base: \${}\n${plug}${build}`,
  },
  {
    title: "a secret file that is missing",
    text: `mqtt: { url: mqtt://broker.lab, username: ci, password: \${file:/run/secrets/mqtt} }\n${plug}${build}`,
  },
  {
    title: "what was put in is wrong, and not shown",
    text: `mqtt: { url: \${URL}, base: \${BASE} }\nobserve: \${OBSERVE}\nrestartGrace: \${GRACE}\n${plug}resources:\n  build1: { switcher: \${OUTLET} }\n`,
    env: {
      URL: "http://hidden.lab",
      BASE: "hidden/#",
      OBSERVE: "true",
      GRACE: "hiddenish",
      OUTLET: "hidden-outlet",
    },
  },

  // Everything at once.
  {
    title: "a merge key whose source is wrong, told once and where it stands",
    text: `${broker}${groups}resources:\n  build1: &shared { switcher: plug1, offDelay: soon }\n  build2: { <<: *shared, switcher: rack-strip/2 }\n  build3: { <<: *shared, switcher: rack-strip/3, minOn: x }\n`,
  },
  {
    title: "sixty mistakes",
    text: `${broker}${plug}resources:\n${Array.from({ length: 60 }, (_, index) => `  r${index}: { switcher: nowhere${index} }\n`).join("")}`,
  },
];

const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, "    ");

function told(given: Case): string {
  const loaded = loadLab(given);
  return loaded.ok ? "NO MISTAKE FOUND" : printMistakes(loaded.mistakes);
}

test("each wrong configuration is answered with its mistakes, their places and what would be right", async () => {
  const transcript = cases
    .map((given) => {
      const text =
        given.text.length > 3000
          ? `(${given.text.length} characters)`
          : given.text.replaceAll("\t", "<tab>").replaceAll("\u0007", "<bell>");
      return `## ${given.title}\n\n${indent(text.trimEnd())}\n\n${told(given).replaceAll("/etc/lab/", "")}\n`;
    })
    .join("\n");
  await expect(transcript).toMatchFileSnapshot("wrong-configurations.txt");
});

test.each(cases)("$title is a mistake", (given) => {
  expect(told(given)).not.toBe("NO MISTAKE FOUND");
});
