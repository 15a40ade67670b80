// Why a connection to a broker failed, in a sentence that names the cause and a code that says what may be done about it.
// Not for what a broker says about one message.

import type { LostCode } from "./connection-port.ts";

/** What is known about the end of one connection. */
export interface Ending {
  /** `mqtt://host:1883`, without user and password. */
  readonly broker: string;
  /** The first error of the socket, of TLS or of the library. */
  readonly error: unknown;
  /** The reason of a DISCONNECT that the broker sent (MQTT 5), else undefined. */
  readonly reason: number | undefined;
  /** The code of a CONNACK that refused, else undefined. */
  readonly refusal: number | undefined;
  readonly protocol: 4 | 5;
  readonly wasConnected: boolean;
  /** Seconds. */
  readonly keepalive: number;
}

export interface Failure {
  readonly code: LostCode;
  readonly sentence: string;
}

export function failureOf(ending: Ending): Failure {
  const { broker } = ending;
  if (ending.refusal !== undefined) {
    return refusalOf(broker, ending.refusal);
  }
  if (ending.reason !== undefined) {
    return { code: "closed", sentence: `${broker} ended the connection: ${reasonText(ending.reason)}` };
  }
  const code = codeOf(ending.error);
  const network = networkText(code);
  if (network !== undefined) {
    return { code: ending.wasConnected ? "closed" : "unreachable", sentence: `${broker} ${network}` };
  }
  const tls = tlsText(code);
  if (tls !== undefined) {
    return { code: "protocol", sentence: `${broker}: ${tls}` };
  }
  const text = ending.error instanceof Error ? ending.error.message : "";
  if (text === "Keepalive timeout") {
    return { code: "closed", sentence: `${broker} was silent for ${ending.keepalive * 1.5} s` };
  }
  if (text === "connack timeout") {
    return {
      code: "protocol",
      sentence: `${broker} accepted the connection but does not answer as an MQTT broker`,
    };
  }
  if (text !== "") {
    return { code: "protocol", sentence: `${broker}: ${text}` };
  }
  return ending.wasConnected
    ? { code: "closed", sentence: `${broker} closed the connection` }
    : { code: "protocol", sentence: `${broker} closed the connection before it answered as an MQTT broker` };
}

/** CONNACK codes: MQTT 3.1.1 section 3.2.2.3 (1 to 5), MQTT 5 section 3.2.2.2 (128 and above). */
function refusalOf(broker: string, code: number): Failure {
  switch (code) {
    case 4:
    case 134:
      return { code: "not-authorised", sentence: `${broker} refused the user name or password` };
    case 5:
    case 135:
      return { code: "not-authorised", sentence: `${broker} refused the connection: not authorised` };
    case 138:
      return { code: "not-authorised", sentence: `${broker} refused the connection: this client is banned` };
    case 1:
    case 132:
      return {
        code: "protocol",
        sentence: `${broker} refused the connection: it does not speak this version of MQTT`,
      };
    case 2:
    case 133:
      return { code: "protocol", sentence: `${broker} refused the client id` };
    case 3:
    case 136:
    case 137:
      return { code: "unreachable", sentence: `${broker} refused the connection: it is busy or not ready` };
    default:
      return { code: "protocol", sentence: `${broker} refused the connection: ${reasonText(code)}` };
  }
}

/** MQTT 5 section 2.4, those that a broker sends in CONNACK, SUBACK, PUBACK and DISCONNECT. */
export function reasonText(code: number): string {
  const names: Readonly<Record<number, string>> = {
    0: "normal disconnection",
    128: "unspecified error",
    129: "malformed packet",
    130: "protocol error",
    131: "implementation specific error",
    135: "not authorised",
    139: "it is shutting down",
    141: "it did not hear from this client in time",
    142: "another client took over this client id",
    143: "topic filter invalid",
    144: "topic name invalid",
    147: "receive maximum exceeded",
    149: "packet too large",
    150: "message rate too high",
    151: "quota exceeded",
    152: "administrative action",
    153: "payload format invalid",
    154: "it does not keep retained messages",
    155: "it does not support this QoS",
    156: "use another server",
    157: "server moved",
    159: "connection rate exceeded",
    160: "maximum connect time",
    162: "it does not support wildcard subscriptions",
  };
  return names[code] ?? `reason ${code}`;
}

function networkText(code: string): string | undefined {
  switch (code) {
    case "ECONNREFUSED":
      return "refuses connections: nothing listens there";
    case "ENOTFOUND":
      return "cannot be reached: DNS does not know this host name";
    case "EAI_AGAIN":
      return "cannot be reached: DNS does not answer";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENETDOWN":
    case "EHOSTDOWN":
      return "cannot be reached: there is no route to it";
    case "ETIMEDOUT":
      return "cannot be reached: it does not answer";
    case "ECONNRESET":
    case "EPIPE":
      return "broke the connection";
    default:
      return undefined;
  }
}

/** Codes of OpenSSL's certificate checks as Node names them (Node documentation, "X509 certificate error codes"). */
function tlsText(code: string): string | undefined {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "its TLS certificate has expired";
    case "CERT_NOT_YET_VALID":
      return "its TLS certificate is not valid yet; is this machine's clock right?";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "its TLS certificate is for another host name";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return "its TLS certificate is signed by nobody that is trusted here; name its authority with `ca`";
    case "CERT_REVOKED":
      return "its TLS certificate was revoked";
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "no TLS is spoken on this port";
    case "ERR_OSSL_X509_KEY_VALUES_MISMATCH":
      return "our private key (`key`) does not belong to our TLS certificate (`cert`)";
    case "ERR_OSSL_UNSUPPORTED":
    case "ERR_OSSL_BAD_DECRYPT":
    case "ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED":
      return "our private key (`key`) cannot be read; it must be in PEM form and without a passphrase";
    default:
      return alertText(code);
  }
}

/** What the other side said before it closed (RFC 8446 section 6.2). Versions of OpenSSL differ in what stands before the alert's name. */
function alertText(code: string): string | undefined {
  const alert = /^ERR_SSL_.*_ALERT_([A-Z_]+)$/.exec(code)?.[1] ?? "";
  switch (alert) {
    case "CERTIFICATE_REQUIRED":
      return "it wants a TLS certificate from us; give `cert` and `key`";
    case "CERTIFICATE_EXPIRED":
      return "it did not accept our TLS certificate (`cert`), which has expired";
    case "UNKNOWN_CA":
      return "it did not accept our TLS certificate (`cert`), because it does not know who signed it";
    case "BAD_CERTIFICATE":
    case "CERTIFICATE_UNKNOWN":
    case "CERTIFICATE_REVOKED":
    case "UNSUPPORTED_CERTIFICATE":
      return "it did not accept our TLS certificate (`cert`)";
    case "HANDSHAKE_FAILURE":
      return "no way of encryption suits both sides, or it wants a TLS certificate from us (`cert` and `key`)";
    case "PROTOCOL_VERSION":
      return "it speaks only versions of TLS that are too old to be safe";
    default:
      return /^ERR_(SSL|OSSL|TLS)/.test(code) ? `TLS failed (${code})` : undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
