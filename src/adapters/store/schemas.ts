// What the schemas of the stored records have in common: how absent values and units are written as JSON, and a check by the compiler
// that a schema and a type of the core fit in both directions. Not the records: those stand in records.ts and replies.ts.

import { z } from "zod";
import { instant, millis } from "../../core/time.ts";

/**
 * The schema as it is, if it gives exactly what the core calls `Kept`. That a `z.ZodType<Kept>` gives enough, the compiler sees by itself;
 * but one that knows fewer codes, or that has no place for one kind of reply, would pass, and be found out by a refused commit.
 */
export const exactly =
  <Kept>() =>
  <Schema extends z.ZodType<Kept>>(schema: Schema & Takes<z.output<Schema>, Kept>): z.ZodType<Kept> =>
    schema;

/** Holds anything if `Given` has room for every `Kept`; otherwise nothing but the sentence that the compiler then shows. */
export type Takes<Given, Kept> =
  Frozen<Kept> extends Frozen<Given> ? unknown : "it has no room for all that the core may keep";

/** What zod gives could be written to and the core's records cannot; for the comparison that makes no difference. */
type Frozen<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : { readonly [Key in keyof T]: Frozen<T[Key]> };

/** `undefined` does not exist in JSON: it is written as null (`toJson`) and becomes `undefined` again here. */
export const orAbsent = <Schema extends z.ZodType>(schema: Schema) =>
  z.nullable(schema).transform((value): z.output<Schema> | undefined => value ?? undefined);

export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (part === undefined ? null : part));

export const moment = z.int().transform(instant);
export const length = z.number().transform(millis);
export const text = z.string();
export const texts = z.array(text);
export const mode = z.enum(["shared", "exclusive"]);
