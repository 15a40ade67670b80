// Goal: a password that systemd hands over (LoadCredential) is read from where it puts it, and nobody is warned of how it keeps it.

import { expect, test } from "vitest";
import { loadLab, rightText } from "./lab.ts";

const text = rightText.replace(
  "{ url: mqtt://broker.lab }",
  "{ url: mqtt://broker.lab, username: lastout, password: '${file:/run/credentials/lastout.service/mqtt-password}' }",
);

test("A credential of systemd is a password, without the warning that others may read it.", () => {
  const loaded = loadLab({
    text,
    files: { "/run/credentials/lastout.service/mqtt-password": "hunter2hunter2\n" },
    open: true,
  });
  expect(loaded.ok ? loaded.config.mqtt.password : loaded.mistakes).toBe("hunter2hunter2");
  expect(loaded.ok ? loaded.warnings.filter(({ path }) => path === "mqtt.password") : []).toEqual([]);
});

test("A credential that was not loaded is told as a mistake with its place.", () => {
  const loaded = loadLab({ text });
  expect(loaded.ok ? [] : loaded.mistakes.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    "mqtt.password: the file of '${file:/run/credentials/lastout.service/mqtt-password}' cannot be read: no such file",
  ]);
});
