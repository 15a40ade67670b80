// `lastout schema`: the JSON Schema for editors, with and without the names of a file.

import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lastoutHere as lastout, temporaryDirectory } from "./processes.ts";

const folder = temporaryDirectory();

function file(text: string): string {
  const path = join(folder, `${text.length}.yaml`);
  writeFileSync(path, text);
  return path;
}

async function fields(text: string): Promise<unknown> {
  const { exit, out, err } = await lastout(["schema", "--config", file(text)]);
  expect({ exit, err }).toEqual({ exit: 0, err: "" });
  const schema: unknown = JSON.parse(out);
  expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
  return schema;
}

const names = (outlets: readonly string[], resources: readonly string[]) => ({
  properties: {
    resources: {
      additionalProperties: {
        properties: {
          switcher: { anyOf: [{ enum: outlets }, { items: { enum: outlets } }] },
          needs: { items: { enum: resources } },
        },
      },
    },
    pools: { additionalProperties: { properties: { members: { items: { enum: resources } } } } },
  },
});

describe("lastout schema", () => {
  test("It prints the schema that is shipped for editors", async () => {
    const { exit, out, err } = await lastout(["schema"]);
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    const shipped = await readFile(new URL("../../config/lastout.schema.json", import.meta.url), "utf8");
    const { properties }: { properties: object } = JSON.parse(shipped);
    expect(JSON.parse(out)).toMatchObject({ properties });
    expect((await lastout(["schema", "--json", "--quiet"])).out).toBe(out);
  });

  test("With a file it knows the outlets of its switchers and its resources where they are to be named", async () => {
    const text = `
switchers:
  plug: { type: tasmota, topic: plug }
  strip: { type: tasmota, topic: strip, outlets: 2 }
resources:
  build1: { switcher: plug }
  build2: { switcher: strip/1 }
`;
    expect(await fields(text)).toMatchObject(names(["plug", "strip/1", "strip/2"], ["build1", "build2"]));
  });

  test("A file that is not finished, or has mistakes, gives the names that can be read of it", async () => {
    const text = `
switchers:
  plug: { type: unheard-of, outlets: many }
  huge: { type: simulated, outlets: 1000000000 }
resources:
  build1:
`;
    expect(await fields(text)).toMatchObject(names(["plug", "huge"], ["build1"]));
  });

  test("A file without names leaves the schema open: the first has to be written somehow", async () => {
    const plain: unknown = JSON.parse((await lastout(["schema"])).out);
    expect(await fields("mqtt: { url: 'mqtt://127.0.0.1' }\n")).toEqual(plain);
  });

  test.each([
    ["switchers: [", /:\d+:\d+: /],
    ["a: 1\n---\nb: 2\n", /:2:1: a second YAML document begins here/],
  ])("%j is no file to read: exit 78 with the place", async (text, message) => {
    const run = await lastout(["schema", "--config", file(text)]);
    expect(run).toMatchObject({ exit: 78, out: "" });
    expect(run.err).toMatch(message);
  });

  test("A file that is not there is exit 78, a word too many exit 64", async () => {
    const missing = await lastout(["schema", "--config", join(folder, "none.yaml")]);
    expect(missing.exit).toBe(78);
    expect(missing.err).toContain("none.yaml: the file cannot be read");
    const word = await lastout(["schema", "lab.yaml"]);
    expect(word).toMatchObject({
      exit: 64,
      err: "lastout: schema takes no words; did you mean --config lab.yaml?\n",
    });
  });
});
