// What a value from outside looks like, as small checks that can be put together. For the little that a client hears of its controller:
// loading a schema library takes as long as starting Node twice, which a command that is called in every step of a job would pay each time.

export type Guard<Value> = (value: unknown) => value is Value;

/** What a guard lets through. */
export type Guarded<Of> = Of extends Guard<infer Value> ? Value : never;

/** Fields that may be absent. */
type Lax<Shape> = {
  [Key in keyof Shape]: undefined extends Guarded<Shape[Key]> ? Key : never;
}[keyof Shape];

type Checked<Shape> = {
  readonly [Key in Exclude<keyof Shape, Lax<Shape>>]: Guarded<Shape[Key]>;
} & {
  readonly [Key in Lax<Shape>]?: Guarded<Shape[Key]>;
} & { readonly [more: string]: unknown };

export const isText = (value: unknown): value is string => typeof value === "string";
export const isNumber = (value: unknown): value is number => typeof value === "number";
export const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
export const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value));

export const exactly =
  <Value extends boolean>(wanted: Value): Guard<Value> =>
  (value): value is Value =>
    value === wanted;

export const optional =
  <Value>(guard: Guard<Value>): Guard<Value | undefined> =>
  (value): value is Value | undefined =>
    value === undefined || guard(value);

/** Absent, or null. */
export const nullish =
  <Value>(guard: Guard<Value>): Guard<Value | null | undefined> =>
  (value): value is Value | null | undefined =>
    value === null || value === undefined || guard(value);

export const listOf =
  <Value>(guard: Guard<Value>): Guard<readonly Value[]> =>
  (value): value is readonly Value[] =>
    Array.isArray(value) && value.every((item) => guard(item));

/** An object with these fields, and any others. */
export const objectWith =
  <Shape extends Readonly<Record<string, Guard<unknown>>>>(shape: Shape): Guard<Checked<Shape>> =>
  (value): value is Checked<Shape> =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(shape).every(([key, guard]) => guard(Object.getOwnPropertyDescriptor(value, key)?.value));
