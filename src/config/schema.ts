// The form of the configuration file: every key, what it means, its unit, its default. Whether the parts fit together is
// the rules' business (rules-*.ts). The reference page and the JSON Schema for editors are made from the descriptions here.

import { z } from "zod";
import { type CheckerOptions, checkerKinds } from "../adapters/checkers/registry.ts";
import { duration } from "../adapters/options.ts";
import { type SwitcherOptions, switcherKinds } from "../adapters/switchers/registry.ts";
import { type Millis, millis } from "../core/time.ts";

const text = z.string().min(1, { error: "is empty" });

const positive = duration.refine((length) => length > 0, { error: "must be longer than 0" });

/** Nothing below a second: expiry is exact to a second. */
const validity = duration.refine((length) => length >= 1000, {
  error: "is shorter than 1s, the least validity of a token",
});

const mqtt = z
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
    replyPrefixes: z.array(text).max(16).default([]).meta({
      description:
        "Topics below which replies may be asked for, beside BASE/reply, which always counts. Without `/` at the ends and wildcards.",
    }),
  })
  .meta({ description: "The connection to the MQTT broker." });

const broker = z
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

const ttl = z
  .strictObject({
    default: validity.optional().meta({
      description: "Validity of a token that names none; a duration. Default 12h.",
    }),
    max: validity.optional().meta({
      description: "The longest validity that may be asked for at once; a duration. Default 7d.",
    }),
    total: duration.optional().meta({
      description:
        "What renewals may add up to, from the first grant; a duration. Default 0, which is no limit.",
    }),
  })
  .meta({ description: "How long tokens are valid." });

/** What may stand in `defaults` and in each resource. Absent in a resource: as in `defaults`; absent there, too: the default told. */
const behaviour = {
  ttl: ttl.optional(),
  offDelay: duration.optional().meta({
    description: "From the last release to power-off; a duration. Default 1m. 0: at once.",
  }),
  bootTimeout: positive.optional().meta({
    description:
      "From power-on to available; after it the problem `boot-timeout`. A duration above 0. Default 5m.",
  }),
  bootRetries: z.int().min(0).max(100).optional().meta({
    description:
      "How many power cycles are tried before `boot-timeout` is told, 0 to 100. Default 0, which is none.",
  }),
  minOn: duration.optional().meta({
    description: "The least time between power-on and power-off; a duration. Default 5s. 0: none.",
  }),
  minOff: duration.optional().meta({
    description: "The least time between power-off and power-on; a duration. Default 10s. 0: none.",
  }),
  switchTimeout: positive.optional().meta({
    description:
      "How long a switcher may take to confirm a command, repeats included, until the problem `switch-mismatch` is told. " +
      "A duration above 0. Default 30s.",
  }),
  onExternalOn: z
    .enum(["adopt", "reclaim", "ignore"])
    .optional()
    .meta({
      description:
        "What happens when it is switched on from outside with no token: `adopt` leaves it alone, `reclaim` switches it off after " +
        "`offDelay`, `ignore` does nothing. Default adopt.",
    }),
  onExternalOff: z
    .enum(["respect", "restore"])
    .optional()
    .meta({
      description:
        "What happens when it is switched off by hand while wanted: `respect` leaves it off and tells the problem `external-off`, " +
        "`restore` switches it on again. Default respect.",
    }),
};

/** Common to all checks. */
const checkTimes = {
  interval: duration
    .refine((length) => length >= 10, {
      error: "is shorter than 10ms; a check would hardly do anything else",
    })
    .prefault("10s")
    .meta({
      description:
        "Time from the end of one check to the next; a duration of at least 10ms. While it starts: 2s, or `interval` when that is shorter.",
    }),
  timeout: positive.optional().meta({
    description:
      "How long one check may take, after which it counts as down; a duration above 0. Default 2s.",
  }),
  rise: z.int().min(1).max(1000).default(1).meta({
    description: "This many successes in a row make it available, 1 to 1000.",
  }),
  fall: z.int().min(1).max(1000).default(3).meta({
    description: "This many failures in a row make it not available, 1 to 1000.",
  }),
};

const switcherTimes = {
  timeout: positive.prefault("5s").meta({
    description: "How long one call to the device may take; a duration above 0.",
  }),
  stagger: duration
    .refine((length) => length === 0, {
      error: "time between two switch-ons is not in this release yet; write 0, or leave it out",
    })
    .optional()
    .meta({ description: "Time between two switch-ons in the group; only 0, none, is in this release." }),
};

interface CheckTimes {
  readonly interval: Millis;
  readonly timeout?: Millis | undefined;
  readonly rise: number;
  readonly fall: number;
}

export type CheckEntry = CheckerOptions & CheckTimes;
export type SwitcherEntry = SwitcherOptions & { readonly timeout: Millis };

/** All kinds, each with the common fields; the kinds' own checks stay. */
function kindsWith<Entry>(
  kinds: readonly { readonly options: z.ZodObject }[],
  common: z.core.$ZodShape,
  description: string,
): z.ZodType<Entry> {
  const [first, ...rest] = kinds.map(({ options }) => options.safeExtend(common));
  if (first === undefined) {
    throw new TypeError("a registry is empty");
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Entry is the union of the kinds' outputs with the common fields', which the type of `map` cannot say
  return z.discriminatedUnion("type", [first, ...rest]).meta({ description }) as unknown as z.ZodType<Entry>;
}

const switcherEntry = kindsWith<SwitcherEntry>(
  switcherKinds,
  switcherTimes,
  "A device that switches outlets. One outlet is named by the switcher's name alone, those of a group NAME/1, NAME/2 and so on.",
);

const checkEntry = kindsWith<CheckEntry>(
  checkerKinds,
  checkTimes,
  "How to find out whether the resource answers. Absent: it is available as soon as it is powered.",
);

const resource = z
  .strictObject({
    description: z.string().max(256).optional().meta({
      description: "What it is, for people; up to 256 characters.",
    }),
    switcher: text.meta({
      description:
        "Its outlet: a switcher's name (`build1-plug`), or a group's with the outlet (`rack-strip/3`).",
    }),
    check: checkEntry.optional(),
    shutdown: z
      .literal("none", { error: "a clean shutdown is not in this release yet; write none, or leave it out" })
      .optional()
      .meta({
        description:
          "`none`: its power may be cut without telling it, and no warning is wanted. A clean shutdown is not in this release yet.",
      }),
    ...behaviour,
  })
  .meta({ description: "Something that is switched on while somebody uses it." });

const topicName = "letters, digits, `_`, `.` and `-`, up to 64, beginning with a letter or digit";

export const fileSchema = z
  .strictObject({
    mqtt: mqtt.prefault({}),
    broker: broker.optional(),
    http: z
      .literal(false, { error: "HTTP is not in this release yet; write false, or leave it out" })
      .default(false)
      .meta({ description: "`false`: no HTTP at all, which is all that this release has." }),
    store: z
      .strictObject({
        path: text.optional().meta({
          description:
            "The file with tokens and deadlines (SQLite). Absent: `lastout.db` beside the configuration file.",
        }),
      })
      .prefault({})
      .meta({ description: "Where tokens survive a restart." }),
    access: z
      .enum(["open"], {
        error: (issue) =>
          issue.input === "users" ? "'users' is not in this release yet; write open" : undefined,
      })
      .default("open")
      .meta({ description: "Who may ask for what. `open`: everybody whom the broker lets publish." }),
    observe: z.boolean().default(false).meta({
      description: "True: decide, publish and log, but command nothing; the way to try it on a running lab.",
    }),
    limits: z
      .strictObject({
        tokens: z.int().min(1).max(10_000_000).default(100_000).meta({
          description:
            "How many tokens there may be at once, 1 to 10000000; more are refused with `limit-reached`.",
        }),
        starting: z
          .literal(0, {
            error: "a limit of boots at once is not in this release yet; write 0, or leave it out",
          })
          .default(0)
          .meta({ description: "How many may boot at once; only 0, no limit, is in this release." }),
        payload: z.int().min(256).max(1_048_576).default(16_384).meta({
          description:
            "Largest payload of a request in bytes, 256 to 1048576; larger ones are refused with `too-large`.",
        }),
      })
      .prefault({})
      .meta({ description: "Bounds against runaway clients." }),
    restartGrace: duration.prefault("30s").meta({
      description:
        "After a restart or a lost broker: the time before anything expires or is switched off; a duration. 0: none.",
    }),
    lostGrace: duration.prefault("30s").meta({
      description:
        "How long a token may come back whose client vanished (a will with `lost`); a duration. 0: it ends at once.",
    }),
    log: z
      .strictObject({
        level: z.enum(["debug", "info", "warn", "error", "fatal"]).default("info").meta({
          description: "The least important messages that are still logged.",
        }),
      })
      .prefault({})
      .meta({ description: "What is logged." }),
    defaults: z.strictObject(behaviour).prefault({}).meta({
      description: "For all resources that do not say otherwise.",
    }),
    switchers: z
      .record(z.string(), switcherEntry)
      .default({})
      .meta({
        description: `Devices that switch outlets, by name: ${topicName}.`,
      }),
    resources: z
      .record(z.string(), resource)
      .default({})
      .meta({
        description: `What is switched on while somebody uses it, by name: ${topicName}; not controller, reply or switcher.`,
      }),
  })
  .meta({ title: "lastout configuration", description: "The configuration file of lastout." });

export type FileValues = z.output<typeof fileSchema>;
export type Behaviour = FileValues["defaults"];

/** What holds where neither the resource nor `defaults` says anything. */
export const behaviourDefaults = {
  ttl: { default: millis(12 * 3_600_000), max: millis(7 * 86_400_000), total: millis(0) },
  offDelay: millis(60_000),
  bootTimeout: millis(5 * 60_000),
  bootRetries: 0,
  minOn: millis(5_000),
  minOff: millis(10_000),
  switchTimeout: millis(30_000),
  onExternalOn: "adopt",
  onExternalOff: "respect",
} as const;

/** Checks take this long at most where neither says otherwise. */
export const checkTimeoutDefault = millis(2_000);
