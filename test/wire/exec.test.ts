// Outlets that programs switch and machines that tell over MQTT whether they are there, under a real controller: used, looked after by
// polling when a hand is at them, and across the controller's death. The relay is a file in a folder.

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { inLab, patience } from "./lab.ts";

function fileRelay() {
  const folder = mkdtempSync(join(tmpdir(), "lastout-wire-exec-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const relay = join(folder, "relay");
  const journal = join(folder, "journal");
  appendFileSync(journal, "");
  const command = (script: string) => ["/bin/sh", "-c", script, "sh", relay, journal];
  return {
    on: command('echo on >> "$2"; touch "$1"'),
    off: command('echo off >> "$2"; rm -f "$1"'),
    read: command('test -e "$1"'),
    isOn: () => existsSync(relay),
    byHand: (on: boolean) => (on ? writeFileSync(relay, "") : rmSync(relay)),
    /** What was commanded, in order. */
    told: () => readFileSync(journal, "utf8").split("\n").slice(0, -1),
  };
}

const topic = "machines/build1/alive";

describe.concurrent("An outlet that programs switch", patience, () => {
  it("is switched on for the first token and off after the last, and its machine tells by its birth and will that it is there", async () => {
    const { on, off, read, isOn, told } = fileRelay();
    await inLab(
      {
        broker: "embedded",
        switchers: { lamp: { type: "exec", on, off, read } },
        resources: {
          build1: {
            switcher: "lamp",
            check: { type: "mqtt", topic, up: "online", interval: "100ms", fall: 1 },
          },
        },
      },
      async (lab) => {
        await lab.untilState("build1", "off");
        const { replies } = await lab.begin("build1/acquire", { token: "a", wait: "available" });
        await eventually("it is on", isOn);
        await lab.untilState("build1", "powered");
        const machine = await lab.connect({ will: { topic, payload: "gone" } });
        await machine.publish(topic, "online", { retain: true });
        expect(await eventually("the reply", () => replies()[0])).toMatchObject({ ok: true });
        await lab.untilState("build1", "available");
        machine.vanish();
        await lab.untilState("build1", "powered");
        expect(isOn()).toBe(true);
        await lab.ask("build1/release", { token: "a" });
        await lab.untilState("build1", "off");
        expect(told()).toEqual(["on", "off"]);
      },
    );
  });

  it("is polled, so that a hand at it is noticed, and respected", async () => {
    const { on, off, read, byHand, told } = fileRelay();
    await inLab(
      {
        broker: "embedded",
        switchers: { lamp: { type: "exec", on, off, read, poll: "1s" } },
        resources: { build1: { switcher: "lamp" } },
      },
      async (lab) => {
        await lab.ask("build1/acquire", { token: "a", wait: "powered" });
        byHand(false);
        await lab.untilEvent("build1", "external-off");
        await lab.untilState("build1", "off");
        byHand(true);
        await lab.untilState("build1", "available");
        expect(told()).toEqual(["on"]);
      },
    );
  });

  it("that cannot be read is used on trust, and told again after a controller's death, without the tale of a hand at it", async () => {
    const { on, off, isOn, told } = fileRelay();
    await inLab(
      {
        broker: "embedded",
        switchers: { lamp: { type: "exec", on, off, assume: "off" } },
        resources: { build1: { switcher: "lamp" } },
      },
      async (lab) => {
        await lab.ask("build1/acquire", { token: "a", wait: "available" });
        expect(isOn()).toBe(true);
        await lab.crash();
        await eventually("it is told again", () => told().length === 2);
        await lab.untilState("build1", "available");
        expect(told()).toEqual(["on", "on"]);
        expect(lab.events("build1", "external-off")).toEqual([]);
        await lab.ask("build1/release", { token: "a" });
        await eventually("it is off", () => !isOn());
        expect(told()).toEqual(["on", "on", "off"]);
      },
    );
  });

  it("whose program fails stays as it is, and is known again when the program works", async () => {
    const { on, off, read, byHand, isOn } = fileRelay();
    const folder = mkdtempSync(join(tmpdir(), "lastout-wire-exec-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const broken = join(folder, "broken");
    const guarded = [read[0] ?? "", "-c", `test -e ${broken} && exit 9; test -e "$1"`, ...read.slice(3)];
    await inLab(
      {
        broker: "embedded",
        switchers: { lamp: { type: "exec", on, off, read: guarded, poll: "1s" } },
        resources: { build1: { switcher: "lamp", offDelay: 0 } },
      },
      async (lab) => {
        await lab.ask("build1/acquire", { token: "a", wait: "powered" });
        writeFileSync(broken, "");
        await lab.untilState("build1", "unknown", 15_000);
        await lab.ask("build1/release", { token: "a" });
        expect(isOn()).toBe(true);
        rmSync(broken);
        await lab.untilState("build1", "off", 20_000);
        expect(isOn()).toBe(false);
        byHand(true);
      },
    );
  });
});
