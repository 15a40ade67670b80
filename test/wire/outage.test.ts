// The mains of a whole lab goes and comes back: fifty sockets say hello at once. Nothing storms: every report is taken in, no socket is told
// anything twice for it, and what must be switched on keeps its spacing. Single faults are in power.test.ts.

import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { brokers, inLab, type Lab } from "./lab.ts";

const plugs = Array.from({ length: 42 }, (_, index) => `plug${index}`);
const strips = ["left", "right"] as const;
const stripOutlets = strips.flatMap((strip) => [1, 2, 3, 4].map((relay) => `${strip}${relay}`));
const names = [...plugs, ...stripOutlets];
const staggerMs = 250;
const mostAtOnce = 6;

/** The mains comes back with every relay off (PowerOnState 0) or on (1), whatever it was before. */
const comeBack = (lab: Lab, position: "on" | "off"): void => {
  for (const name of [...plugs, ...strips]) {
    lab.socket(name).powerUp({ into: Array.from({ length: 4 }, () => position) });
  }
};

const cutAll = (lab: Lab): void => {
  for (const name of [...plugs, ...strips]) {
    lab.socket(name).powerCut({ silent: false });
  }
};

/** Since a moment, on all sockets: commands that switch. */
const told = (lab: Lab, since: number): readonly { readonly command: string; readonly at: number }[] =>
  [...plugs, ...strips].flatMap((name) =>
    lab
      .socket(name)
      .received.filter(
        ({ at, command, payload }) => at >= since && command.startsWith("POWER") && payload !== "",
      ),
  );

describe.each(brokers.map((one) => [one.title, one] as const))("over %s:", (_title, one) => {
  it(
    "fifty sockets that come back at once are heard, and switched on again with their spacing",
    one.options,
    () =>
      inLab(
        {
          broker: one.broker,
          settings: { limits: { starting: mostAtOnce } },
          defaults: { offDelay: "2s", bootTimeout: "30s" },
          sockets: {
            ...Object.fromEntries(plugs.map((name) => [name, { device: { setup: ["PowerOnState 0"] } }])),
            ...Object.fromEntries(
              strips.map((name) => [
                name,
                { device: { relays: 4, setup: ["PowerOnState 0"] }, switcher: { stagger: `${staggerMs}ms` } },
              ]),
            ),
          },
        },
        async (lab) => {
          await Promise.all(names.map((name) => lab.ask(`${name}/acquire`, { token: "a" }, 30_000)));
          await Promise.all(names.map((name) => lab.untilState(name, "available", 30_000)));
          cutAll(lab);
          await Promise.all(names.map((name) => lab.untilState(name, "unknown", 30_000)));
          const from = lab.observer.heard.length;
          const backAt = performance.now();
          comeBack(lab, "off");
          await Promise.all(
            names.map((name) => lab.untilObject(name, { state: "available", users: 1 }, 60_000)),
          );

          const commands = told(lab, backAt);
          expect(commands).toHaveLength(names.length); // each once
          for (const strip of strips) {
            const times = [1, 2, 3, 4]
              .flatMap((relay) => lab.events(`${strip}${relay}`, "switch-on", from))
              .map(({ time }) => Date.parse(String(time)))
              .toSorted((a, b) => a - b);
            expect(times).toHaveLength(4);
            for (const [place, time] of times.slice(1).entries()) {
              expect(time - (times[place] ?? 0)).toBeGreaterThanOrEqual(staggerMs - 1);
            }
          }
          expect(names.flatMap((name) => lab.events(name, "external-off", from))).toEqual([]);
        },
      ),
  );

  it(
    "fifty sockets that come back on though nobody wants them go off after offDelay, each told once",
    one.options,
    () =>
      inLab(
        {
          broker: one.broker,
          defaults: { offDelay: "2s" },
          sockets: {
            ...Object.fromEntries(plugs.map((name) => [name, {}])),
            ...Object.fromEntries(strips.map((name) => [name, { device: { relays: 4 } }])),
          },
        },
        async (lab) => {
          cutAll(lab);
          await Promise.all(names.map((name) => lab.untilState(name, "unknown", 30_000)));
          const backAt = performance.now();
          comeBack(lab, "on");
          await eventually(
            "all have said that they are on",
            () => names.every((name) => lab.events(name, "state").some(({ to }) => to === "available")),
            30_000,
          );
          await Promise.all(
            names.map((name) => lab.untilObject(name, { state: "off", phase: "idle" }, 60_000)),
          );
          expect(told(lab, backAt)).toHaveLength(names.length);
          const firstOff = Math.min(...told(lab, backAt).map(({ at }) => at));
          expect(firstOff - backAt).toBeGreaterThanOrEqual(1999);
        },
      ),
  );
});
