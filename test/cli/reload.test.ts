// `lastout reload`: finds the controller that runs on the file's store, tells it, and says what came of it. Method: the real controller as a
// process with its embedded broker, told by the command in this process.

import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/adapters/store/store.ts";
import { eventually as until } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { silentLog } from "../support/silent-log.ts";
import { endAll, eventually, lastoutHere, type Started, start, temporaryDirectory } from "./processes.ts";

afterEach(endAll);

interface Lab {
  readonly file: string;
  readonly store: string;
  readonly url: string;
  write(change?: (config: Config) => void): void;
}

interface Config {
  broker: { listen: string };
  mqtt: Record<string, unknown>;
  store: { path: string };
  switchers: Record<string, Record<string, unknown>>;
  resources: Record<string, Record<string, unknown>>;
}

async function labFile(): Promise<Lab> {
  const folder = temporaryDirectory();
  const port = await freePort();
  const lab: Lab = {
    file: join(folder, "lab.yaml"),
    store: join(folder, "lastout.db"),
    url: `mqtt://127.0.0.1:${port}`,
    write(change = () => undefined) {
      const config: Config = {
        broker: { listen: `127.0.0.1:${port}` },
        mqtt: {},
        store: { path: lab.store },
        switchers: { plug1: { type: "simulated" }, plug2: { type: "simulated" } },
        resources: { build1: { switcher: "plug1" } },
      };
      change(config);
      writeFileSync(lab.file, JSON.stringify(config)); // YAML 1.2 contains JSON
    },
  };
  lab.write();
  return lab;
}

async function running(env: Readonly<Record<string, string>> = {}): Promise<Lab & { controller: Started }> {
  const lab = await labFile();
  const controller = start(["serve", "--config", lab.file], env);
  await eventually("it serves", () => controller.err().includes('"msg":"Connected to the broker"}')); // not the devices' one
  return { ...lab, controller };
}

const reload = (lab: Lab, ...words: readonly string[]) =>
  lastoutHere(["reload", "--config", lab.file, ...words]);

describe("lastout reload", () => {
  test("prints what changed, and what takes effect only after a restart", async () => {
    const lab = await running();
    lab.write(({ resources, mqtt }) => {
      resources["build1"] = { switcher: "plug1", offDelay: "5m" };
      resources["build2"] = { switcher: "plug2" };
      mqtt["sessionExpiry"] = "3h";
    });
    expect(await reload(lab)).toEqual({
      exit: 0,
      out: "resource build2 added\nresource build1 changed: offDelay\n",
      err: "lastout: mqtt: takes effect only when lastout is started again\n",
    });
    // Its picture is published when its outlet has said where it stands.
    const status = () => lastoutHere(["status", "build2", "--url", lab.url]);
    await until("build2 is shown", async () => (await status()).exit === 0);
    expect(await reload(lab, "--quiet")).toEqual({ exit: 0, out: "", err: "" });
    expect(JSON.parse((await reload(lab, "--json")).out)).toEqual({
      ok: true,
      file: lab.file,
      result: "unchanged",
      lines: [],
      needRestart: ["mqtt"],
    });
  });

  test("a file with mistakes is exit 78, and nothing is sent", async () => {
    const lab = await running();
    lab.write(({ resources }) => {
      resources["build1"] = { swicher: "plug1" };
    });
    const { exit, out, err } = await reload(lab);
    expect([exit, out]).toEqual([78, ""]);
    expect(err).toContain("did you mean 'switcher'?");
    expect(err).toContain("nothing was sent");
    expect(JSON.parse((await reload(lab, "--json")).out)).toMatchObject({ ok: false, result: "mistakes" });
    lab.write();
    expect(await reload(lab)).toMatchObject({ exit: 0 });
    expect(lab.controller.err()).not.toContain("has mistakes");
  });

  test("what the controller refuses is exit 75, with the reason", async () => {
    const lab = await running();
    const { exit } = await lastoutHere(["acquire", "build1", "--url", lab.url, "--token", "a"]);
    expect(exit).toBe(0);
    lab.write(({ resources }) => {
      resources["build1"] = { switcher: "plug2" };
    });
    const refused = await reload(lab);
    expect([refused.exit, refused.out]).toEqual([75, ""]);
    expect(refused.err).toMatch(/^lastout: nothing was changed: build1 is .*try again when it is off\n$/);
  });

  test("a mistake that only the controller finds, because its environment is another, is exit 78, too", async () => {
    const lab = await running({ DELAY: "1m" });
    lab.write(({ resources }) => {
      resources["build1"] = { switcher: "plug1", offDelay: "${DELAY}" };
    });
    const words = ["reload", "--config", lab.file];
    expect(await lastoutHere(words, { DELAY: "2m" })).toMatchObject({ exit: 0 });
    lab.write(({ resources }) => {
      resources["build1"] = { switcher: "plug1", offDelay: "${OTHER}" };
    });
    const { exit, err } = await lastoutHere(words, { OTHER: "2m" });
    expect(exit).toBe(78);
    expect(err).toContain("the controller found mistakes that were not found here");
    expect(err).toContain("resources.build1.offDelay");
  });

  test("several at once are all told an outcome that counts for the file as it was then", async () => {
    const lab = await running();
    lab.write(({ resources }) => {
      resources["build1"] = { switcher: "plug1", offDelay: "5m" };
    });
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => reload(lab, "--json")));
    expect(results.map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 0]);
    expect((await reload(lab, "--json")).out).toContain('"unchanged"');
  });

  test("without a controller on the store it is exit 69, also after one that was killed", async () => {
    const lab = await labFile();
    const none = await reload(lab);
    expect([none.exit, none.out]).toEqual([69, ""]);
    expect(none.err).toContain(`no controller runs on the store ${lab.store}`);

    const controller = start(["serve", "--config", lab.file]);
    await eventually("it serves", () => controller.err().includes('"msg":"Connected to the broker"}')); // not the devices' one
    expect(await reload(lab)).toMatchObject({ exit: 0 });
    controller.child.kill("SIGKILL");
    await controller.ended;
    expect(await reload(lab)).toMatchObject({ exit: 69 });
  });

  test("a link to the file of the controller is that file", async () => {
    const lab = await running();
    const link = join(temporaryDirectory(), "link.yaml");
    symlinkSync(lab.file, link);
    expect(await lastoutHere(["reload", "--config", link])).toMatchObject({ exit: 0 });
  });

  test("a controller that reads another file is not told: exit 78, naming that file", async () => {
    const lab = await running();
    const other = join(temporaryDirectory(), "other.yaml");
    writeFileSync(
      other,
      JSON.stringify({
        mqtt: { url: lab.url },
        store: { path: lab.store },
        switchers: { plug1: { type: "simulated" } },
        resources: { build1: { switcher: "plug1" } },
      }),
    );
    const { exit, err } = await lastoutHere(["reload", "--config", other]);
    expect(exit).toBe(78);
    expect(err).toContain(`reads ${lab.file}, not ${other}; nothing was sent`);
    expect(lab.controller.err()).not.toContain("read again");
  });

  test("a process that has the store and does not say that it can reload is not sent a signal, which could end it", async () => {
    const lab = await labFile();
    const store = await openStore(lab.store, { log: silentLog });
    onTestFinished(() => store.close());
    const heard: string[] = [];
    const hear = (): void => void heard.push("SIGHUP");
    process.on("SIGHUP", hear);
    onTestFinished(() => void process.removeListener("SIGHUP", hear));
    const { exit, err } = await reload(lab);
    expect(exit).toBe(69);
    expect(err).toContain(`process ${process.pid} on the store ${lab.store} does not say that it can reload`);
    expect(heard).toEqual([]);
  });

  test("a controller on another machine is named", async () => {
    const lab = await labFile();
    const lock = new DatabaseSync(`${lab.store}.lock`);
    onTestFinished(() => lock.close());
    lock.exec("CREATE TABLE holder (pid INTEGER NOT NULL, host TEXT NOT NULL)");
    lock.exec("INSERT INTO holder VALUES (1, 'ten-forward')");
    lock.exec("BEGIN IMMEDIATE");
    const { exit, err } = await reload(lab);
    expect(exit).toBe(69);
    expect(err).toContain("is process 1 on ten-forward");
  });

  test("takes no words: exit 64 with the cure", async () => {
    expect(await lastoutHere(["reload", "lab.yaml"])).toEqual({
      exit: 64,
      out: "",
      err: "lastout: reload takes no words; did you mean --config lab.yaml?\n",
    });
  });

  test("a clean stop takes the note about reloads away", async () => {
    const lab = await running();
    lab.controller.child.kill("SIGTERM");
    expect(await lab.controller.ended).toBe(0);
    expect(await reload(lab)).toMatchObject({ exit: 69 });
    expect(existsSync(`${lab.store}.reload`)).toBe(false);
  });
});
