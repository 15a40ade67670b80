// Goal: whoever types what stands in getting-started.md and recipes.md sees what is shown there. Method: it is typed, in order, on a
// terminal, with a real mosquitto and simulated sockets and machines; hosts, ports, folders and waiting times are others, times differ.

import { expect, type TestContext, test } from "vitest";
import { type Machine, startMachine } from "../simulators/machine.ts";
import { startTasmota, type TasmotaOptions } from "../simulators/tasmota.ts";
import { passwordOf, startGuardedMosquitto } from "../support/guarded-mosquitto.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { type Block, blocksOf, page, root, section } from "./pages.ts";
import { type Seen, walk, withoutWhatDiffers } from "./walkthrough.ts";

/** Long enough to see it linger on a busy machine, and short enough to wait for its end. */
const offDelay = "offDelay: 8s";

const needs = needing("mosquitto", "mosquitto clients", "script");

test.concurrent("Getting started: every command that is typed shows what stands on the page", {
  ...needs,
  timeout: 90_000,
}, async ({ onTestFinished }) => {
  const broker = await startGuardedMosquitto({ users: ["lastout", "socket", "ci"] });
  onTestFinished(() => broker.stop());
  const machine = await machineThatBootsIn(200, onTestFinished);
  await socket(
    {
      port: broker.port,
      topic: "plug1",
      username: "socket",
      password: passwordOf("socket"),
      meter: 1,
      loads: [machine],
    },
    onTestFinished,
  );
  const all = await walk(blocksOf(page("docs/getting-started.md")), (folder) => ({
    files: { "mqtt-password": passwordOf("lastout"), "mosquitto/conf.d/.keep": "" },
    instead: [
      ["install -m 600 /dev/null", "test -s"],
      ["lastout discover", `lastout discover --seconds 2 --url ${broker.url}`],
      ["mqtt://127.0.0.1:1883", broker.url],
      ["mqtt://hub.lab", broker.url],
      ["password: PASSWORD", `password: ${passwordOf("ci")}`],
      ["/opt/lastout", root],
      [/\/etc\/lastout\b|\/var\/lib\/lastout\b/g, folder],
      ["/etc/mosquitto", `${folder}/mosquitto`],
      ["check: { type: icmp, host: build1.lab }", checkOf(machine)],
      ["store:", "restartGrace: 1s\nstore:"],
      ["offDelay: 1m", offDelay],
    ],
  }));
  expect(all.length).toBeGreaterThan(15);
  expectAsShown(all);
});

/** Beside each recipe: what hangs on plug1 (the first) and the outlets of strip1, and how many milliseconds that takes to boot. */
const recipes: readonly {
  readonly heading: string;
  readonly hosts: Readonly<Record<string, number>>;
  readonly commands: number;
}[] = [
  { heading: "A Tasmota strip", hosts: {}, commands: 5 },
  {
    heading: "A shared build host behind a switch",
    hosts: { "switch.lab": 100, "build1.lab": 500 },
    commands: 4,
  },
  // The second one does not come up before the end.
  { heading: "A pool of workers", hosts: { "": 0, "build1.lab": 4000, "build2.lab": 60_000 }, commands: 3 },
  { heading: "An exclusive base station", hosts: { "bts1.lab": 100 }, commands: 2 },
];

test.concurrent.for(recipes)(
  "Recipe '$heading': every command that is typed shows what stands on the page",
  { ...needs, timeout: 60_000 },
  async ({ heading, hosts, commands }, { onTestFinished }) => {
    const broker = await startMosquitto();
    onTestFinished(() => broker.stop());
    const machines = await Promise.all(
      Object.entries(hosts).map(async ([host, bootMs]) => ({
        host,
        machine: await machineThatBootsIn(bootMs, onTestFinished),
      })),
    );
    const loads = machines.map(({ machine }) => machine);
    await socket({ port: broker.port, topic: "strip1", relays: 4, loads }, onTestFinished);
    await socket({ port: broker.port, topic: "plug1", loads: loads.slice(0, 1) }, onTestFinished);
    const text = section(page("docs/recipes.md"), `## ${heading}`);
    const all = await walk(served(blocksOf({ path: "docs/recipes.md", text })), (folder) => ({
      files: {
        ".config/lastout/client.yaml": `url: ${broker.url}\n`,
        "measure.sh": "while test -e measure.sh; do sleep 0.2; done\n",
      },
      instead: [
        ["mqtt://broker.lab", broker.url],
        ["./measure.sh", `sh ${folder}/measure.sh`],
        ["jq -r .resource", `sed -n 's/.*"resource": *"\\([^"]*\\)".*/\\1/p'`],
        [/shutdown: \{ type: ssh.*\}/g, "shutdown: none"],
        ...machines.map(
          ({ host, machine }) => [`check: { type: icmp, host: ${host} }`, checkOf(machine)] as const,
        ),
      ],
    }));
    expect(all).toHaveLength(commands);
    expectAsShown(all);
  },
);

type AtItsEnd = TestContext["onTestFinished"];

async function machineThatBootsIn(bootMs: number, onTestFinished: AtItsEnd): Promise<Machine> {
  const machine = await startMachine({ bootMs });
  onTestFinished(() => machine.stop());
  return machine;
}

async function socket(options: TasmotaOptions, onTestFinished: AtItsEnd): Promise<void> {
  const started = await startTasmota({ speed: 20, bootMs: 500, ...options });
  onTestFinished(() => started.stop());
}

/** Pings would need hosts of these names; a port of this machine answers as its simulated machine does. */
const checkOf = ({ port }: Machine): string =>
  `check: { type: tcp, host: 127.0.0.1, port: ${port}, interval: 200ms }`;

/** Before the first commands that ask a controller it is started, as the page says above all recipes. */
function served(blocks: readonly Block[]): readonly Block[] {
  const first = blocks.findIndex(({ kind, text }) => kind === "" && !text.includes("lastout switch"));
  return blocks.flatMap((block, index) =>
    index === first ? [{ ...block, text: "$ lastout serve\n" }, block] : [block],
  );
}

function expectAsShown(all: readonly Seen[]): void {
  expect(all.map(({ typed, seen }) => ({ typed, seen: seen.map(withoutWhatDiffers) }))).toEqual(
    all.map(({ typed, shown }) => ({ typed, seen: shown.map(withoutWhatDiffers) })),
  );
}
