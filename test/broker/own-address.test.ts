// Goal: check and the broker's start agree on which addresses nobody else can reach, however those are spelled.

import { expect, test } from "vitest";
import { isLoopback, ownUrl } from "../../src/adapters/own-address.ts";

test.each([
  ["127.0.0.1", true],
  ["127.255.1.2", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["127.0.0.999", false],
  ["127.1", false],
  ["128.0.0.1", false],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["::ffff:10.0.0.1", false],
  ["localhost.lab", false],
  ["", false],
])("%s is loopback: %s", (host, is) => {
  expect(isLoopback(host)).toBe(is);
});

test.each([
  ["127.0.0.1", "mqtt://127.0.0.1:1884"],
  ["broker.lab", "mqtt://broker.lab:1884"],
  ["0.0.0.0", "mqtt://127.0.0.1:1884"],
  ["::", "mqtt://[::1]:1884"],
  ["0:0::0", "mqtt://[::1]:1884"],
  ["fd00::7", "mqtt://[fd00::7]:1884"],
])("a broker on %s is reached at %s", (host, url) => {
  expect(ownUrl({ host, port: 1884 })).toBe(url);
});
