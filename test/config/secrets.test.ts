// What is put in for ${...}, and that it is never shown: neither when it is wrong nor when it is right.

import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mistakesToJson, printMistakes } from "../../src/config/print.ts";
import { replaceSecrets } from "../../src/config/secrets.ts";
import { configFile, loadLab, rightText } from "./lab.ts";

const surroundings = {
  env: { NAME: "laforge", EMPTY: "", TRICKY: "${NAME} $& $1" },
  folder: "/etc/lab",
  readFile: (path: string) =>
    path === "/etc/lab/pw"
      ? ({ ok: true, text: "secret\n\n", open: false } as const)
      : path === "/run/crlf"
        ? ({ ok: true, text: "secret\r\n", open: false } as const)
        : ({ ok: false, why: "no such file" } as const),
};

const put = (text: string): unknown => replaceSecrets(text, surroundings).value;

describe("In a text", () => {
  test.each([
    ["${NAME}", "laforge"],
    ["a${NAME}b${NAME}", "alaforgeblaforge"],
    ["${NOPE:-default}", "default"],
    ["${EMPTY:-default}", "default"],
    ["${EMPTY}", ""],
    ["${NOPE:-}", ""],
    ["${NOPE:-a:-b}", "a:-b"],
    ["$${NAME}", "${NAME}"],
    ["$$${NAME}", "$${NAME}"],
    ["$NAME $ {NAME}", "$NAME $ {NAME}"],
    ["${file:pw}", "secret\n"],
    ["${file:/run/crlf}", "secret"],
    ["${TRICKY}", "${NAME} $& $1"],
  ])("%s becomes %j", (text, expected) => {
    expect(put(text)).toBe(expected);
    expect(replaceSecrets(text, surroundings).mistakes).toEqual([]);
  });

  test.each(["${NOPE}", "${toString}", "${}", "${a-b}", "${NAME", "${file:}", "${file:gone}", "${ NAME }"])(
    "%s is a mistake",
    (text) => {
      expect(replaceSecrets({ a: [text] }, surroundings).mistakes.map(({ path }) => path)).toEqual([
        ["a", 0],
      ]);
    },
  );

  test("only values are looked at, not keys", () => {
    expect(put("x")).toBe("x");
    expect(replaceSecrets({ "${NAME}": 1 }, surroundings).value).toEqual({ "${NAME}": 1 });
  });
});

/** Every text of the configuration that could come from the environment, each with its own variable. */
const withVariables = `mqtt:
  url: \${A}
  base: \${B}
  clientId: x\${C}
  username: \${D}
  password: \${E}
  replyPrefixes: [\${F}]
broker: { listen: \${G} }
store: { path: \${H} }
log: { level: \${I} }
access: \${J}
observe: \${K}
restartGrace: \${L}
defaults: { onExternalOn: \${M}, ttl: { max: \${N} } }
switchers:
  plug1: { type: tasmota, topic: \${O} }
  plug2: { type: \${P}, topic: x }
  plug3: { type: tasmota, topic: x\${Q:-y}, fullTopic: x }
  plug4: { type: tasmota, topic: x, fullTopic: \${R}/%prefix% }
resources:
  build1: { switcher: \${S}, check: { type: icmp, host: \${T} } }
  build2: { switcher: plug1, check: { type: tcp, host: b, port: \${U} }, description: \${V} }
`;
const variables = Array.from("ABCDEFGHIJKLMNOPQRSTUV");

/** Texts that cannot stand in a message by chance. */
const secret = fc
  .tuple(
    fc.constantFrom("", "/", "mqtt://", "http://", "$", "cmnd/", "'", "-", "plug1/", "%", "\u001b[31m"),
    fc.stringMatching(/^Zq[0-9]{6}[a-z' /:@%]{0,100}$/),
  )
  .map((parts) => parts.join(""));

test("what was put in stands in no mistake and no warning, whatever it is", () => {
  fc.assert(
    fc.property(fc.array(secret, { minLength: variables.length, maxLength: variables.length }), (values) => {
      const env = Object.fromEntries(variables.map((name, index) => [name, values[index] ?? ""]));
      const loaded = loadLab({ text: withVariables, env, open: true });
      const mistakes = loaded.ok ? loaded.warnings : loaded.mistakes;
      expect(mistakes.length).toBeGreaterThan(0);
      const shown = printMistakes(mistakes) + JSON.stringify(mistakesToJson(mistakes)) + inspect(mistakes);
      expect(/Zq[0-9]{6}/.exec(shown)?.[0]).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("what was put in and every password are on the list of what a log must hide", () => {
  const text = rightText.replace(
    "mqtt://broker.lab }",
    "mqtt://broker.lab, username: '${USER_NAME}', password: pw, clientId: '${ID:-public}-${SHORT}' }",
  );
  const loaded = loadLab({ text, env: { USER_NAME: "laforge", SHORT: "abc" } });
  expect(loaded.ok && loaded.config.secrets).toEqual(["laforge", "pw"]);
  expect(loaded.ok && loaded.config.mqtt.clientId).toBe("public-abc");
  expect(loaded.ok && loaded.config.file).toBe(configFile);
});

test("a password that stands in the file itself is not shown with a mistake, wherever that is", () => {
  for (const line of [
    "password: [hunter2]",
    "password: 'hunter2",
    "password: *hunter2",
    "password: !hunter2 x",
    "password: {hunter2: 1}",
    "password:\n    - hunter2",
    "url: mqtt://me:hunter2@b",
  ]) {
    const loaded = loadLab({ text: `mqtt:\n  username: me\n  ${line}\n` });
    const shown = printMistakes(loaded.ok ? loaded.warnings : loaded.mistakes);
    expect(shown).not.toBe("");
    expect(shown).not.toContain("hunter2");
  }
});
