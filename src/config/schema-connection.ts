// The form of the sections `mqtt` and `broker`: the way to the broker, or being one. Whether addresses and files make sense
// is rules-connection.ts's business.

import { z } from "zod";
import { duration } from "../adapters/options.ts";
import { text } from "./fields.ts";

export const mqtt = z
  .strictObject({
    url: text.optional().meta({
      description:
        "The broker: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/path` or `wss://host/path`, without user and password. " +
        "Absent: the embedded broker, when there is a section `broker`.",
    }),
    base: text.default("lastout").meta({
      description:
        "The base topic, below which everything is published and requested. May have several levels (`lab/lastout`).",
    }),
    clientId: text
      .max(128)
      .optional()
      .meta({
        description:
          "The MQTT client id of the request link; it must be unlike any other on the broker and must stay the same. " +
          "Absent: the base topic, `-` and the host name.",
      }),
    username: text.optional().meta({ description: "User at the broker. Absent: none is sent." }),
    password: text.optional().meta({
      description:
        "Password at the broker, best as `${ENV_NAME}` or `${file:/run/secrets/x}`. Needs `username`.",
    }),
    ca: text.optional().meta({
      description:
        "File (PEM) with the certificates of the authorities that may vouch for the broker, in place of the system's. Only for `mqtts` and `wss`.",
    }),
    cert: text.optional().meta({
      description: "File (PEM) with the client's certificate, for mutual TLS. Needs `key`.",
    }),
    key: text.optional().meta({
      description: "File (PEM) with the private key of `cert`, without a passphrase.",
    }),
    sessionExpiry: duration.prefault("1h").meta({
      description:
        "How long the broker keeps requests while the controller is away (MQTT 5; with 3.1.1 the broker decides). 0: not at all.",
    }),
    replyPrefixes: z
      .array(text)
      .max(16)
      .default([])
      .meta({
        description:
          "Topics below which replies may be asked for, beside BASE/reply, which always counts. With `access: users` a user's replies go " +
          "below PREFIX/USER only. Without `/` at the ends and wildcards.",
      }),
  })
  .meta({ description: "The connection to the MQTT broker." });

export const broker = z
  .strictObject({
    listen: text.default("127.0.0.1:1883").meta({
      description:
        "Address and port to listen on; IPv6 in brackets (`[::1]:1883`). Other than loopback needs `users`.",
    }),
    users: text.optional().meta({
      description:
        "Password file in mosquitto's format (`mosquitto_passwd`). Absent: anybody may connect, and only over loopback.",
    }),
  })
  .meta({ description: "The embedded MQTT broker, for a lab that has none. Absent: there is none." });
