// Rules for the way to the broker: its address, the embedded one, TLS, passwords.

import { isLoopback } from "../adapters/own-address.ts";
import { isEncrypted, mqttUrlProblem, parseListen } from "./addresses.ts";
import { atKey, atValue, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";

export const connectionRules = (subject: Subject): readonly Finding[] => [
  ...connection(subject),
  ...broker(subject),
];

/** The embedded broker knows no exception for the controller. */
export function connectionWarnings({ values: { mqtt, broker: own }, broken }: Subject): readonly Finding[] {
  return own?.users !== undefined && mqtt.url === undefined && mqtt.username === undefined && !broken("mqtt")
    ? [
        atKey(
          ["broker", "users"],
          "the embedded broker asks everybody for a password, lastout itself as well; give mqtt.username and mqtt.password",
        ),
      ]
    : [];
}

function connection({ values: { mqtt, broker: own }, broken }: Subject): Finding[] {
  if (broken("mqtt")) {
    return [];
  }
  const findings: Finding[] = [];
  if (mqtt.url === undefined && own === undefined && !broken("broker")) {
    findings.push(
      atKey(
        [],
        "there is no broker: give its address as mqtt.url, or have lastout be one with a section 'broker'",
      ),
    );
  }
  const problem = mqtt.url === undefined ? undefined : mqttUrlProblem(mqtt.url);
  if (problem !== undefined) {
    findings.push(atValue(["mqtt", "url"], problem));
  }
  const encrypted = mqtt.url !== undefined && isEncrypted(mqtt.url);
  for (const field of ["ca", "cert", "key"] as const) {
    if (mqtt[field] !== undefined && !encrypted && problem === undefined) {
      findings.push(
        atKey(
          ["mqtt", field],
          "has no effect on a connection without TLS; mqtt.url must begin with mqtts:// or wss://",
        ),
      );
    }
  }
  if ((mqtt.cert === undefined) !== (mqtt.key === undefined)) {
    const [there, missing] = mqtt.cert === undefined ? ["key", "cert"] : ["cert", "key"];
    findings.push(atKey(["mqtt", there], `needs mqtt.${missing} beside it`));
  }
  if (mqtt.password !== undefined && mqtt.username === undefined) {
    findings.push(atKey(["mqtt", "password"], "needs mqtt.username beside it"));
  }
  // MQTT 5, 1.5.4 and 3.1.3.1: a client id is text without control characters.
  if (mqtt.clientId !== undefined && /\p{Cc}/u.test(mqtt.clientId)) {
    findings.push(atValue(["mqtt", "clientId"], "has a control character"));
  }
  return findings;
}

function broker({ values: { broker: own } }: Subject): Finding[] {
  if (own === undefined) {
    return [];
  }
  const address = parseListen(own.listen);
  if (address === undefined) {
    return [
      atValue(
        ["broker", "listen"],
        `${quote(own.listen)} is no address with a port of 1 to 65535; write 127.0.0.1:1883, 0.0.0.0:1883 for all of IPv4, or [::1]:1883`,
      ),
    ];
  }
  return own.users === undefined && !isLoopback(address.host)
    ? [
        atValue(
          ["broker", "listen"],
          `${quote(own.listen)} can be reached from the network, and without broker.users anybody could switch; ` +
            "give a password file as broker.users, or listen on 127.0.0.1",
        ),
      ]
    : [];
}
