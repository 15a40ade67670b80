// Where a broker is and how to reach it, from the options of a connection to those of the MQTT library. Not the library itself.

import { type ConnectionOptions, ConnectionError } from "./connection-port.ts";

/** What MQTT 5 brokers hear unless an option says otherwise: no device and no picture comes near it. */
const largestPacketBytes = 65_536;
/** A plain socket needs none of the TLS, WebSocket and proxy libraries. */
export const isPlain = (url: string): boolean => url.startsWith("mqtt:");

/** For people and logs: never with the user and password that a URL may carry. */
export function brokerName(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.protocol}//${parsed.host}`;
  } catch {
    return "the broker";
  }
}

/** @throws ConnectionError `protocol` for a scheme that reaches no broker */
export function clientOptions(options: ConnectionOptions, version: 4 | 5) {
  const url = new URL(options.url);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "mqtt" && scheme !== "mqtts" && scheme !== "ws" && scheme !== "wss") {
    throw new ConnectionError(
      "protocol",
      `'${scheme}' is no way to reach a broker; use mqtt, mqtts, ws or wss`,
    );
  }
  const protocol: "mqtt" | "mqtts" | "ws" | "wss" = scheme;
  const web = scheme === "ws" || scheme === "wss";
  const secure = scheme === "mqtts" || scheme === "wss";
  // A WebSocket address needs the brackets of an IPv6 host, a socket must not have them.
  const host = web ? url.hostname : url.hostname.replace(/^\[|\]$/g, "");
  const username = options.username ?? (url.username === "" ? undefined : decodeURIComponent(url.username));
  const password = options.password ?? (url.password === "" ? undefined : decodeURIComponent(url.password));
  return {
    protocol,
    host,
    hostname: host,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(web ? { path: `${url.pathname}${url.search}` } : {}),
    ...(secure && options.ca !== undefined ? { ca: options.ca } : {}),
    ...(secure && options.cert !== undefined ? { cert: options.cert } : {}),
    ...(secure && options.key !== undefined ? { key: options.key } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(options.will === undefined
      ? {}
      : { will: { ...options.will, payload: Buffer.from(options.will.payload) } }),
    clientId: options.clientId,
    clean: options.clean,
    keepalive: options.keepalive,
    protocolVersion: version,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // It would make 65,536 buffers, one for each packet id, at the first packet: 15 ms and megabytes for what is as quickly made anew.
    writeCache: false,
    connectTimeout: 10_000,
    ...(version === 5
      ? {
          properties: {
            maximumPacketSize: options.largestPacket ?? largestPacketBytes,
            ...(options.receiveMaximum === undefined ? {} : { receiveMaximum: options.receiveMaximum }),
            ...(options.sessionExpiry === undefined ? {} : { sessionExpiryInterval: options.sessionExpiry }),
          },
        }
      : {}),
  };
}
