// What a controller publishes and replies, read leniently: a newer one may add fields, and anybody may write to a broker.
// Objects keep what is not named here, so that `--json` shows all of it. Not what is done with it.

import {
  exactly,
  type Guard,
  type Guarded,
  isBoolean,
  isNumber,
  isText,
  isTime,
  listOf,
  nullish,
  objectWith,
  optional,
} from "./guards.ts";

const isGoodReply = objectWith({
  ok: exactly(true),
  id: optional(isText),
  resource: optional(isText),
  /** Of a token over several: the members granted. */
  resources: optional(listOf(isText)),
  token: optional(isText),
  state: optional(isText),
  override: optional(isText),
  users: optional(isNumber),
  /** Seconds. */
  ttl: optional(isPositive),
  expires: optional(isText),
  total: optional(isNumber),
  holders: optional(listOf(objectWith({ token: isText, resource: optional(isText) }))),
  queue: optional(listOf(objectWith({ token: isText }))),
});

const isErrorReply = objectWith({
  ok: exactly(false),
  id: optional(isText),
  resource: optional(isText),
  token: optional(isText),
  error: isText,
  message: isText,
});

export type GoodReply = Guarded<typeof isGoodReply>;
export type ErrorReply = Guarded<typeof isErrorReply>;
export type Reply = GoodReply | ErrorReply;

const isReply = (value: unknown): value is Reply => isGoodReply(value) || isErrorReply(value);

/** The state object of a resource or a pool, protocol section 3. */
const isStateObject = objectWith({
  state: isText,
  since: optional(isTime),
  phase: optional(isText),
  users: optional(isNumber),
  dependents: optional(isNumber),
  queue: optional(isNumber),
  exclusive: optional(isBoolean),
  override: optional(isText),
  /** Only of a pool: members without a token, and how many there are. */
  free: optional(isNumber),
  members: optional(isNumber),
  offAt: nullish(isTime),
  readyAt: nullish(isTime),
  problem: nullish(objectWith({ code: isText, message: optional(isText) })),
});

export type StateObject = Guarded<typeof isStateObject>;

const isEventObject = objectWith({ event: isText, resource: nullish(isText), time: optional(isText) });

export type EventObject = Guarded<typeof isEventObject>;

const isInfo = objectWith({ resources: isNumber, pools: optional(isNumber) });

const isMarker = objectWith({ marker: isText });

export const readReply = (payload: string): Reply | undefined => read(isReply, payload);
export const readStateObject = (payload: string): StateObject | undefined => read(isStateObject, payload);
export const readEvent = (payload: string): EventObject | undefined => read(isEventObject, payload);
export const readMarker = (payload: string): string | undefined => read(isMarker, payload)?.marker;

/** How many state objects the controller publishes. */
export function readCount(payload: string): number | undefined {
  const info = read(isInfo, payload);
  return info === undefined ? undefined : info.resources + (info.pools ?? 0);
}

function read<Value>(guard: Guard<Value>, payload: string): Value | undefined {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return undefined; // Not JSON: nothing of ours.
  }
  return guard(json) ? json : undefined;
}

function isPositive(value: unknown): value is number {
  return isNumber(value) && value > 0;
}
