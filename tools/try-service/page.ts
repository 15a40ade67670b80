// Types docs/getting-started.md in the container, all of it: also what needs hands, systemd or the network. What is shown must be what
// stands on the page. Only what is in `insteadOf` below is typed otherwise, each with its reason.

import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blocksOf, page } from "../../test/docs/pages.ts";
import { asSeen, stepsOf, withoutWhatDiffers } from "../../test/docs/walkthrough.ts";
import { startTasmota, type Tasmota } from "../../test/simulators/tasmota.ts";
import { eventually } from "../../test/support/eventually.ts";
import { must } from "../steps.ts";
import { type AtEnd, bound, type Container } from "./container.ts";
import type { Started } from "./programs.ts";

export const gettingStarted = page("docs/getting-started.md");

const passwordOf: Readonly<Record<string, string>> = Object.fromEntries(
  ["lastout", "socket", "ci"].map((user) => [user, randomBytes(9).toString("hex")]),
);

export interface Place {
  /** Of the broker: mosquitto's own port, or another one where that is taken on this machine. */
  readonly port: number;
  readonly nodejsOrg: string;
}

type Instead = readonly [from: string | RegExp, to: string];

const insteadOf = ({ port, nodejsOrg }: Place): readonly Instead[] => [
  // Whose copy it is, only the reader knows.
  ["YOUR-COPY-OF-THIS-REPOSITORY", bound],
  // An editor wants eyes.
  [/^nano (\S+).*$/gm, `echo ${passwordOf["lastout"]} > $1`],
  // The password that the reader has chosen for `ci`.
  [/^password: PASSWORD$/gm, `password: ${passwordOf["ci"]}`],
  // It cannot be reached from every machine.
  ["https://nodejs.org", nodejsOrg],
  ...(port === 1883 ? [] : onPort(port)),
];

/** Something else is at mosquitto's port, and the container shares the machine's network. */
const onPort = (port: number): readonly Instead[] => [
  ["sed -e '/^persistence /d'", `sed -e 's/^listener 1883$/listener ${port}/' -e '/^persistence /d'`],
  [/^lastout discover/gm, `lastout discover --url mqtt://127.0.0.1:${port}`],
  ["mqtt://127.0.0.1:1883", `mqtt://127.0.0.1:${port}`],
  ["mqtt://hub.lab", `mqtt://hub.lab:${port}`],
];

/**
 * @param told called with each heading
 * @returns the socket, which goes on
 */
export async function typePage(
  container: Container,
  place: Place,
  atEnd: AtEnd,
  told: (heading: string) => void,
): Promise<Tasmota> {
  const adapted = (text: string): string =>
    insteadOf(place).reduce((so, [from, to]) => so.replaceAll(from, to), text);
  let socket: Tasmota | undefined;
  let served: Started | undefined;
  let heading: string | undefined;
  const lines = gettingStarted.text.split("\n");
  const endServe = async (): Promise<void> => {
    served?.type("\u0003"); // Ctrl-C in the first terminal.
    await served?.ended;
    served = undefined;
  };

  for (const { kind, text, line } of blocksOf(gettingStarted)) {
    const command = adapted(text);
    const above = lines.slice(0, line).findLast((one) => one.startsWith("## "));
    if (above !== undefined && above !== heading) {
      heading = above;
      told(heading.slice(3));
    }
    if (kind === "yaml") {
      write(container, "etc/lastout/lastout.yaml", command);
    } else if (kind === "yaml client") {
      write(container, "root/.config/lastout/client.yaml", command);
    } else if (text.startsWith("Backlog MqttHost")) {
      socket = await plugIn(place, atEnd);
    } else if (text.startsWith("Backlog")) {
      socket?.console(text.trimEnd());
    } else if (kind === "sh needs hands") {
      for (const one of command.trimEnd().split("\n")) {
        // mosquitto_passwd asks twice for the password of the user at the end of its line.
        const password = passwordOf[one.split(" ").at(-1) ?? ""] ?? "";
        await container.typed(one, { answers: [[/assword: $/, `${password}\n`]] });
      }
    } else if (kind.startsWith("sh")) {
      if (kind === "sh needs systemd") {
        await endServe();
      }
      await container.typed(command, { answers: [[/\[Y\/n\] $/, "y\n"]] }); // apt asks.
    } else {
      for (const { typed, shown } of stepsOf(text)) {
        if (typed === "lastout serve") {
          await endServe();
          served = await serve(container);
        } else {
          const seen = asSeen(await container.typed(adapted(typed))).map(withoutWhatDiffers);
          const expected = shown.map(withoutWhatDiffers);
          must(
            seen.join("\n") === expected.join("\n"),
            `line ${line} and below: '${typed}' shows\n${seen.join("\n")}\ninstead of\n${expected.join("\n")}`,
          );
        }
      }
    }
  }
  must(socket !== undefined, "the page says how the socket finds the broker");
  return socket;
}

function write({ root }: Container, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Its clock runs 20 times as fast, as it does in the tests. */
async function plugIn({ port }: Place, atEnd: AtEnd): Promise<Tasmota> {
  const password = passwordOf["socket"] ?? "";
  const socket = await startTasmota({
    port,
    topic: "plug1",
    username: "socket",
    password,
    meter: 1,
    bootMs: 500,
    speed: 20,
  });
  atEnd(() => socket.stop());
  return socket;
}

async function serve(container: Container): Promise<Started> {
  const served = container.begin("lastout serve");
  await eventually(
    "'lastout serve' serves",
    () => /Connected to the broker(?! for)/.test(served.text()),
    15_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${served.text()}`);
  });
  return served;
}
