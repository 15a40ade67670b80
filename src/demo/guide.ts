// What the demo tells its user: what to type in a second terminal, and what will be seen. It fits a terminal of 80 by 24.

import { formatDuration } from "../core/duration.ts";
import type { DemoLab } from "./lab.ts";

/** The port that every MQTT client takes when it is given none. */
const usualPort = 1883;

/** @param brokerPort of the embedded broker on 127.0.0.1 */
export function demoGuide(lab: Pick<DemoLab, "resources">, brokerPort: number): string {
  const usual = brokerPort === usualPort;
  const port = usual ? "" : ` -p ${brokerPort}`;
  const machines = lab.resources.map(({ name, port: machine, bootTime }) =>
    machine === undefined ? name : `${name} (${formatDuration(bootTime)})`,
  );
  return [
    "A demo lab is running: a broker, simulated Tasmota sockets, and their machines.",
    "All are off. The resources, and how long they take to boot:",
    `  ${machines.join(", ")}`,
    "",
    "In a second terminal, in this folder:",
    ...(usual ? [] : [`  export LASTOUT_URL=mqtt://127.0.0.1:${brokerPort}`]),
    "  npx lastout watch                      every change as it happens",
    "  npx lastout run build1 -- echo hello   power on, wait for the boot, run, off",
    "  npx lastout status                     a table of all resources",
    "",
    "The same with nothing but MQTT (Debian: apt install mosquitto-clients):",
    `  mosquitto_sub${port} -v -t 'lastout/+/state'`,
    `  mosquitto_pub${port} -t lastout/build2/acquire -m job-12`,
    `  mosquitto_sub${port} -t lastout/build2/ready -C 1 -W 60`,
    `  mosquitto_pub${port} -t lastout/build2/release -m job-12`,
    "",
    "You will see off, powered, available; and off again 10 s after the last release.",
    "A hand on a socket's own button looks like this:",
    `  mosquitto_pub${port} -t cmnd/demo-lamp/POWER -m TOGGLE`,
    "Ctrl-C ends the demo; it leaves nothing behind.",
    "",
  ].join("\n");
}
