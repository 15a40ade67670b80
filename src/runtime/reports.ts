// What a switcher says, as events for the core: the switcher's name is added, nothing else.

import type { SwitcherReport } from "../ports/switcher.ts";
import type { Happening } from "./loop.ts";

export function toHappening(switcher: string, report: SwitcherReport): Happening {
  switch (report.kind) {
    case "connected":
      return { kind: "switcherConnected", switcher };
    case "lost":
      return { kind: "switcherLost", switcher };
    case "hint":
      return { kind: "switcherHinted", switcher };
    case "rebooted":
      return { kind: "switcherRebooted", switcher };
    case "position":
      return {
        kind: "outletReported",
        outlet: report.outlet,
        position: report.position,
        uptime: report.uptime,
      };
    case "reading":
      return { kind: "metered", outlet: report.outlet, watts: report.watts, kwh: report.kwh };
    case "retained-command":
      return { kind: "retainedCommandFound", switcher, topic: report.topic };
  }
}
