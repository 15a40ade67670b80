// What docs/operations.md promises of the service, held against the one that runs in the container: one sentence for each, with what was
// seen. The relay of the simulated socket remembers every click; none may come but from the two ends of the token's life.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tasmota } from "../../test/simulators/tasmota.ts";
import { eventually } from "../../test/support/eventually.ts";
import { must } from "../steps.ts";
import type { Container } from "./container.ts";

export async function checkService(
  { root, run }: Container,
  socket: Tasmota,
  told: (sentence: string) => void,
): Promise<void> {
  const file = join(root, "etc/lastout/lastout.yaml");
  const relay = socket.relay(1);
  const at = relay.history.length;
  /** The relay stands there, and has clicked that often since the beginning. */
  const mustStand = (position: "on" | "off", clicks: number): void => {
    const clicked = relay.history.length - at;
    must(
      relay.position === position && clicked === clicks,
      `the relay is ${relay.position} after ${clicked} clicks, and not ${position} after ${clicks}`,
    );
  };
  const show = async (property: string): Promise<string> =>
    (await run(`systemctl show -P ${property} lastout`)).trim();
  /** Asked twice a second. */
  const until = (what: string, withinS: number, holds: () => Promise<boolean>): Promise<boolean> =>
    eventually(what, async () => (await holds()) || run("sleep 0.5").then(() => false), withinS * 1000);
  const active = async (): Promise<boolean> => (await show("ActiveState")) === "active";
  const journal = (): Promise<string> =>
    run("journalctl -u lastout -o cat --quiet --cursor-file=/run/journal-seen");

  await until("the service is active", 20, active);
  must((await show("StatusText")) !== "", "systemctl status has no Status line");
  told(`it is active: ${await show("StatusText")}`);

  const uid = Number(/^Uid:\s+(\d+)/m.exec(await run(`cat /proc/${await show("MainPID")}/status`))?.[1]);
  const store = (await run("stat -c '%u %a' /var/lib/private/lastout/lastout.db")).trim();
  // systemd's numbers for users that exist only meanwhile (systemd.io, "Users, Groups, UIDs and GIDs").
  must(uid >= 61184 && uid <= 65519, `it runs as user ${uid}, which is none of a moment`);
  must(store === `${uid} 600`, `it runs as user ${uid}, and user and mode of its store are ${store}`);
  told(`it is not root: user ${uid}, whose store is in /var/lib/private/lastout with mode 600`);

  const acquired = await run("lastout acquire build1 --token trial --wait available --timeout 30s");
  must(/^trial$/m.test(acquired), `'lastout acquire' said:\n${acquired}`);
  mustStand("on", 1);
  told("a token was acquired and waited for: the relay is on, ping works");
  /** The promise of all that follows. */
  const kept = async (): Promise<void> => {
    mustStand("on", 1);
    const tokens = await run("lastout tokens build1");
    must(/\btrial\b/.test(tokens), `the token is not there any more:\n${tokens}`);
  };

  await journal();
  const good = readFileSync(file, "utf8").replace("offDelay: 1m", "offDelay: 5s");
  const bad = `${good}resorces: {}\n`;
  writeFileSync(file, good);
  let log = await run("lastout check --config /etc/lastout/lastout.yaml && systemctl reload lastout");
  await until(`'systemctl reload' is taken:\n${log}`, 10, async () => {
    log += await journal();
    return /offDelay[\s\S]*The configuration was read again/.test(log);
  });
  await kept();
  told("a changed file is taken by 'systemctl reload'");

  const before = await show("MainPID");
  writeFileSync(file, bad);
  log = await run("systemctl reload lastout || true");
  await until("a mistake is refused", 10, async () => {
    log += await journal();
    return log.includes("resorces");
  });
  must((await active()) && (await show("MainPID")) === before, `it does not go on after a mistake:\n${log}`);
  await kept();
  told(`a mistake is refused by 'systemctl reload', and it goes on: ${await show("StatusText")}`);
  writeFileSync(file, good);

  const again = async (what: string, withinS: number, how: (pid: string) => string): Promise<void> => {
    const pid = await show("MainPID");
    const began = performance.now();
    await run(how(pid));
    await until(`it is active again after ${what}`, withinS, async () => {
      // In one look: between two it may have ended.
      const seen = await run("systemctl show -p ActiveState,MainPID lastout");
      return /^ActiveState=active$/m.test(seen) && !seen.includes(`MainPID=${pid}\n`);
    });
    const took = ((performance.now() - began) / 1000).toFixed(1);
    await kept();
    told(`${what}: active again after ${took} s, the token is there, the relay did not click`);
  };
  await again("restart", 20, () => "systemctl restart lastout");
  await again("kill -9", 10, (pid) => `kill -9 ${pid}`);
  await again("a loop that hangs (SIGSTOP, watchdog)", 45, (pid) => `kill -STOP ${pid}`);
  must((await journal()).includes("atchdog"), "the watchdog has not ended what hung");

  writeFileSync(file, bad);
  await run("systemctl restart lastout || true");
  await until("it has failed", 10, async () => (await show("ActiveState")) === "failed");
  await run("sleep 7"); // RestartSec is 5.
  const failed = await run("systemctl show -p ActiveState,ExecMainStatus,NRestarts lastout");
  must(/=failed$/m.test(failed) && /=78$/m.test(failed) && /NRestarts=0/.test(failed), failed);
  mustStand("on", 1);
  told("with a mistake in its file it ends with 78, and is not started again");
  writeFileSync(file, good);
  await run("systemctl start lastout");
  await kept();

  await run("systemctl stop lastout && sleep 2");
  mustStand("on", 1);
  await run("systemctl start lastout");
  await kept();
  told("'systemctl stop' and 'start' change no outlet");

  await run("lastout release build1 trial && lastout wait build1 --for off --timeout 60s");
  mustStand("off", 2);
  told("after the release it sleeps; the relay has clicked twice in all");

  const security = (await run("systemd-analyze security lastout --no-pager | tail -n 1")).trim();
  const exposure = Number(/: ([\d.]+)/.exec(security)?.[1]);
  must(exposure < 2, `systemd-analyze security: ${security}`);
  told(`systemd-analyze security: ${exposure}, below 2.0`);
}
