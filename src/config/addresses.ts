// Where a broker is: `host:port` to listen on, and the URL to connect to. Only their form; nothing here connects.

import type { Address } from "../adapters/own-address.ts";

/** @returns `undefined` if it is not `host:port` with a port of 1 to 65535; IPv6 stands in brackets */
export function parseListen(text: string): Address | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/[\]@]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

const schemes: ReadonlySet<string> = new Set(["mqtt:", "mqtts:", "ws:", "wss:"]);

export const isEncrypted = (url: string): boolean => /^(mqtts|wss):/i.test(url);

/** What is wrong with a broker's URL, and the cure; never with the URL in it, because that may hold a password. */
export function mqttUrlProblem(text: string): string | undefined {
  const example = "write mqtt://host:1883 (or mqtts, ws, wss)";
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return `is no URL; ${example}`;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || /\s/.test(text)) {
    return `is no URL with a host and a port up to 65535; ${example}`;
  }
  if (!schemes.has(url.protocol)) {
    const meant = { "http:": "ws", "https:": "wss", "tcp:": "mqtt", "ssl:": "mqtts", "tls:": "mqtts" }[
      url.protocol
    ];
    return meant === undefined
      ? `begins with none of mqtt://, mqtts://, ws:// and wss://; ${example}`
      : `begins with ${url.protocol}//, which is no way to reach a broker; did you mean ${meant}://?`;
  }
  if (url.username !== "" || url.password !== "") {
    return "has a user or password in it, where others could see it; write them as mqtt.username and mqtt.password";
  }
  if (url.port === "0") {
    return "has port 0, on which nothing listens";
  }
  const web = url.protocol.startsWith("ws");
  if (url.hash !== "" || (!web && (url.search !== "" || (url.pathname !== "" && url.pathname !== "/")))) {
    return `has something behind host and port; ${example}`;
  }
  return undefined;
}
