// Goal: docs/mqtt.md is complete: every topic, every field of a request, every field of what is published. Method: the lists of the
// program itself are looked for on the page.

import { expect, test } from "vitest";
import { requestSchemas } from "../../src/adapters/mqtt/payload.ts";
import { topicMap, topicsOf } from "../../src/adapters/mqtt/topics.ts";
import { blocksOf, firstColumn, page, quoted, section } from "./pages.ts";

const protocol = page("docs/mqtt.md");

test("Every topic that the controller reads or writes is documented.", () => {
  const words = quoted(protocol.text);
  const missing = topicMap.map(({ topic }) => `lastout/${topic}`).filter((topic) => !words.includes(topic));
  expect(missing).toEqual([]);
});

test("Every topic that the program publishes to is in the list, and none is in it for nothing.", () => {
  const topics = topicsOf("lastout");
  const { status, info, controllerEvent, ping, marker } = topics;
  const made = [
    status,
    info,
    controllerEvent,
    ping,
    marker,
    topics.switcher("<s>"),
    ...Object.values(topics.resource("<r>")),
  ];
  const listed = topicMap.filter(({ direction }) => direction !== "requested");
  expect(made.toSorted()).toEqual(listed.map(({ topic }) => `lastout/${topic}`).toSorted());
});

test("Every field of a request is documented, and none that does not exist.", () => {
  const known = new Set(Object.values(requestSchemas).flatMap((schema) => Object.keys(schema.shape)));
  const documented = firstColumn(section(protocol, "### 4.1 JSON fields"));
  expect(documented.toSorted()).toEqual([...known].toSorted());
});

test("Every field of the state object in the example is explained.", () => {
  const text = section(protocol, "## 3. The state object");
  const example: unknown = JSON.parse(/^\{.*\}$/m.exec(text)?.[0] ?? "");
  const explained = firstColumn(text);
  expect(Object.keys(example ?? {}).filter((field) => !explained.includes(field))).toEqual([]);
  expect(explained.length).toBe(Object.keys(example ?? {}).length);
});

test("Every JSON example can be read.", () => {
  const examples = blocksOf(protocol)
    .filter(({ kind }) => kind === "json")
    .flatMap(({ text }) => text.trim().split("\n"));
  expect(examples.length).toBeGreaterThan(2);
  for (const example of examples) {
    expect(() => JSON.parse(example) as unknown, example).not.toThrow();
  }
});

test("The rules keep their numbers: ten of tokens, ten of power.", () => {
  for (const heading of ["### 4.3 Rules of tokens", "## 5. Power: what the controller does"]) {
    const numbers = [...section(protocol, heading).matchAll(/^(\d+)\. /gm)].map(([, number]) =>
      Number(number),
    );
    expect(numbers, heading).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
});
