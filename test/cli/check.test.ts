// `lastout check`, and the words that `check` and `serve` refuse: what goes where, and with which exit status.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lastoutHere, temporaryDirectory } from "./processes.ts";

const good = `
broker: { listen: 127.0.0.1:18830 }
switchers: { plug1: { type: simulated } }
resources: { lamp: { switcher: plug1 } }
`;

function fileWith(text: string): string {
  const path = join(temporaryDirectory(), "lab.yaml");
  writeFileSync(path, text);
  return path;
}

describe("lastout check", () => {
  test("A good file is exit 0 and one line", async () => {
    const path = fileWith(good);
    expect(await lastoutHere(["check", "--config", path])).toEqual({
      exit: 0,
      out: `${path} is valid: 1 resource, 1 switcher\n`,
      err: "",
    });
  });

  test("Every mistake is told on standard error with its place, exit 78", async () => {
    const path = fileWith(good.replace("switcher:", "swicher:"));
    const { exit, out, err } = await lastoutHere(["check", "--config", path, "--quiet"]);
    expect([exit, out]).toEqual([78, ""]);
    expect(err).toContain(`${path}:4:22 resources.lamp.swicher: `);
    expect(err).toContain("did you mean 'switcher'?");
  });

  test("Warnings are told on standard error and are no failure; pools are counted where there are any", async () => {
    const path = fileWith(
      `${good.replace("switcher: plug1", "switcher: plug1, check: { type: icmp, host: h }")}pools: { any: { members: [lamp] } }\n`,
    );
    const { exit, out, err } = await lastoutHere(["check", "--config", path]);
    expect([exit, out]).toEqual([0, `${path} is valid: 1 resource, 1 switcher, 1 pool\n`]);
    expect(err).toContain(`warning: ${path}:4:14 resources.lamp: lastout will cut the power of the host 'h'`);
  });

  test("With --json mistakes are data on standard output", async () => {
    const path = fileWith(good.replace("simulated", "simulatd"));
    const { exit, out } = await lastoutHere(["check", "--config", path, "--json"]);
    expect(exit).toBe(78);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      file: path,
      mistakes: [{ file: path, line: 3, path: "switchers.plug1.type" }],
      warnings: [],
    });
    expect(
      JSON.parse((await lastoutHere(["check", "--config", fileWith(good), "--json"])).out),
    ).toMatchObject({
      ok: true,
      mistakes: [],
    });
  });

  test("Without --config the user's file is found", async () => {
    const home = temporaryDirectory();
    mkdirSync(join(home, "lastout"));
    writeFileSync(join(home, "lastout", "lastout.yaml"), good);
    expect(await lastoutHere(["check"], { XDG_CONFIG_HOME: home })).toMatchObject({ exit: 0 });
  });

  test("A file that is not there is exit 78", async () => {
    const { exit, err } = await lastoutHere(["check", "--config", "/nonexistent/lab.yaml"]);
    expect(exit).toBe(78);
    expect(err).toContain("/nonexistent/lab.yaml: the file cannot be read");
  });

  test("A file name without --config is exit 64 with the cure, for check and serve", async () => {
    expect(await lastoutHere(["check", "lab.yaml"])).toEqual({
      exit: 64,
      out: "",
      err: "lastout: check takes no words; did you mean --config lab.yaml?\n",
    });
    const serve = await lastoutHere(["serve", "lab.yaml"]);
    expect(serve.exit).toBe(64);
    expect(serve.err).toContain("--config");
  });
});
