// The form of the configuration file: every key, what it means, its unit, its default; larger sections stand in the schema-*.ts
// beside. Whether the parts fit together is the rules' business (rules-*.ts). The reference page and the JSON Schema for editors
// are made from the descriptions here.

import { z } from "zod";
import { duration } from "../adapters/options.ts";
import { largestPayloadBytes, largestRequestBytes } from "../adapters/request-size.ts";
import { shutdownKinds } from "../adapters/shutdowns/registry.ts";
import { isOwner } from "../core/names.ts";
import { text } from "./fields.ts";
import { behaviour } from "./schema-behaviour.ts";
import { broker, mqtt } from "./schema-connection.ts";
import { checkEntry, guardEntry, shutdownEntry, switcherEntry } from "./schema-kinds.ts";

/** No machine has more power supplies, and no lab waits for more machines before one. */
const mostOutlets = 32;
const mostNeeds = 64;

const resource = z
  .strictObject({
    description: z.string().max(256).optional().meta({
      description: "What it is, for people; up to 256 characters.",
    }),
    switcher: z
      .union([text, z.array(text).min(1).max(mostOutlets)], {
        error: "must be the name of an outlet, or a list of such names",
      })
      .meta({
        description:
          "Its outlet: a switcher's name (`build1-plug`), or a group's with the outlet (`rack-strip/3`). A list of up to 32: they are " +
          "switched together. Several resources may share an outlet, which is on while any of them is wanted.",
      }),
    check: checkEntry.optional(),
    shutdown: z
      .union([z.literal("none"), shutdownEntry], {
        error:
          "must be none (its power may be cut), or a mapping that says how it is shut down, with a type of " +
          shutdownKinds.map(({ type }) => type).join(", "),
      })
      .optional()
      .meta({
        description:
          "How it is told to shut down before its power is cut. `none`, or absent: it is not told; `none` says that this is meant.",
      }),
    keepWhile: guardEntry.optional(),
    needs: z.array(text).max(mostNeeds).default([]).meta({
      description:
        "Resources that must be available before this one is switched on, and stay on until it is off; up to 64, and no circles.",
    }),
    capacity: z.int().min(0).max(10_000_000).default(0).meta({
      description: "How many tokens may be held at once, 0 to 10000000; more queue. 0: no limit.",
    }),
    ...behaviour,
  })
  .meta({ description: "Something that is switched on while somebody uses it." });

const pool = z
  .strictObject({
    members: z
      .array(text)
      .min(1)
      .meta({ description: "Resources, at least one; a request for the pool gets one of them." }),
    warm: z.int().min(0).default(0).meta({
      description:
        "So many members without a token are kept available ahead of any request, 0 to the number of members. 0: none.",
    }),
  })
  .meta({ description: "Resources of which any one will do." });

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
      .enum(["open", "users"])
      .default("open")
      .meta({
        description:
          "Who may ask for what. `open`: everybody whom the broker lets publish may ask for everything. `users`: only requests with a " +
          "user in the topic are taken (`BASE/build1/acquire/USER`), who is held to be that user; the broker's access rules have to see to it.",
      }),
    operators: z
      .array(
        z.string().refine(isOwner, {
          error: "is no possible user: 1 to 128 characters, without `/`, `+`, `#` and control characters",
        }),
      )
      .max(1000)
      .default([])
      .meta({
        description:
          "With `access: users`: who may override, cycle and end the tokens of others, up to 1000. With `open`, anybody may.",
      }),
    observe: z.boolean().default(false).meta({
      description: "True: decide, publish and log, but command nothing; the way to try it on a running lab.",
    }),
    limits: z
      .strictObject({
        tokens: z.int().min(1).max(10_000_000).default(100_000).meta({
          description:
            "How many tokens and queued requests there may be at once, 1 to 10000000; more are refused with `limit-reached`.",
        }),
        starting: z.int().min(0).max(10_000).default(0).meta({
          description: "How many resources may boot at once, 0 to 10000; the others wait. 0: no limit.",
        }),
        payload: z
          .int()
          .min(256)
          .max(largestPayloadBytes)
          .default(16_384)
          .meta({
            description:
              `Largest payload of a request in bytes, 256 to ${largestPayloadBytes}; larger ones are refused with \`too-large\`. ` +
              `A request of more than ${largestRequestBytes} bytes with its topic and properties is stopped by the broker, without a reply.`,
          }),
      })
      .prefault({})
      .meta({ description: "Bounds against runaway clients and inrush current." }),
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
    pools: z.record(z.string(), pool).default({}).meta({
      description:
        "Resources of which any one will do, by name. A pool can be asked for like a resource, so its name is unlike all of theirs.",
    }),
  })
  .meta({ title: "lastout configuration", description: "The configuration file of lastout." });

export type FileValues = z.output<typeof fileSchema>;
export type ResourceEntry = FileValues["resources"][string];

/** What a later release reads; named here so that it is told apart from a slip of the pen. */
export const laterSections: ReadonlyMap<string, string> = new Map([
  ["homeAssistant", "Home Assistant's discovery"],
  ["influx", "writing to InfluxDB"],
  ["prices", "the price of energy"],
]);

const laterChecks = ["http", "ssh", "jenkins", "power", "all", "any"];

/** The same of the values of `type`, by where they stand: below `switchers`, or in a check. */
export const laterKinds: ReadonlyMap<string, readonly string[]> = new Map([
  ["switcher", ["http", "sispm", "intellinet", "wol-ssh", "serial", "snmp", "composite"]],
  ["check", laterChecks],
  ["keepWhile", laterChecks],
]);
