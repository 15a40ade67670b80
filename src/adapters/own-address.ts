// Addresses of this machine: which of them nobody else can reach, and how this machine reaches what listens on one. Not where other
// machines are.

import { BlockList, isIP } from "node:net";

export interface Address {
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
}

/** RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3. */
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** RFC 4291, 2.5.2: every address, also those of IPv4. */
const unspecified = new BlockList();
unspecified.addAddress("::", "ipv6");

/** However it is spelled. Of names only `localhost`, in any case (RFC 6761, 6.3): others might mean another machine tomorrow. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  return version === 0
    ? host.toLowerCase() === "localhost"
    : loopback.check(host, version === 4 ? "ipv4" : "ipv6");
}

/** Where this machine reaches its own embedded broker. */
export function ownUrl({ host, port }: Address): string {
  const isIPv6 = isIP(host) === 6;
  if (host === "0.0.0.0") {
    return `mqtt://127.0.0.1:${port}`;
  }
  return `mqtt://${isIPv6 ? `[${unspecified.check(host, "ipv6") ? "::1" : host}]` : host}:${port}`;
}
