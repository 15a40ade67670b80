// What a controller publishes and replies, read leniently: a newer one may add fields, and anybody may write to a broker.
// Objects keep what is not named here, so that `--json` shows all of it. Not what is done with it.

import { z } from "zod";

const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "not a time");

const replySchema = z.discriminatedUnion("ok", [
  z.looseObject({
    ok: z.literal(true),
    id: z.string().optional(),
    resource: z.string().optional(),
    /** Of a token over several: the members granted. */
    resources: z.array(z.string()).optional(),
    token: z.string().optional(),
    state: z.string().optional(),
    override: z.string().optional(),
    users: z.number().optional(),
    /** Seconds. */
    ttl: z.number().positive().optional(),
    expires: z.string().optional(),
    total: z.number().optional(),
    holders: z.array(z.looseObject({ token: z.string(), resource: z.string().optional() })).optional(),
    queue: z.array(z.looseObject({ token: z.string() })).optional(),
  }),
  z.looseObject({
    ok: z.literal(false),
    id: z.string().optional(),
    resource: z.string().optional(),
    token: z.string().optional(),
    error: z.string(),
    message: z.string(),
  }),
]);

export type Reply = z.output<typeof replySchema>;
export type GoodReply = Extract<Reply, { ok: true }>;
export type ErrorReply = Extract<Reply, { ok: false }>;

/** The state object of a resource or a pool, protocol section 3. */
const stateObjectSchema = z.looseObject({
  state: z.string(),
  since: time.optional(),
  phase: z.string().optional(),
  users: z.number().optional(),
  dependents: z.number().optional(),
  queue: z.number().optional(),
  exclusive: z.boolean().optional(),
  override: z.string().optional(),
  /** Only of a pool: members without a token, and how many there are. */
  free: z.number().optional(),
  members: z.number().optional(),
  offAt: time.nullish(),
  readyAt: time.nullish(),
  problem: z.looseObject({ code: z.string(), message: z.string().optional() }).nullish(),
});

export type StateObject = z.output<typeof stateObjectSchema>;

const eventSchema = z.looseObject({
  event: z.string(),
  resource: z.string().nullish(),
  time: z.string().optional(),
});

export type EventObject = z.output<typeof eventSchema>;

const infoSchema = z.looseObject({ resources: z.number(), pools: z.number().default(0) });

const markerSchema = z.object({ marker: z.string() });

export const readReply = (payload: string): Reply | undefined => read(replySchema, payload);
export const readStateObject = (payload: string): StateObject | undefined => read(stateObjectSchema, payload);
export const readEvent = (payload: string): EventObject | undefined => read(eventSchema, payload);
export const readInfo = (payload: string): z.output<typeof infoSchema> | undefined =>
  read(infoSchema, payload);
export const readMarker = (payload: string): string | undefined => read(markerSchema, payload)?.marker;

function read<Schema extends z.ZodType>(schema: Schema, payload: string): z.output<Schema> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return undefined; // Not JSON: nothing of ours.
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}
