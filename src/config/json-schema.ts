// The form of the configuration file as JSON Schema: for editors, and for finding what might have been meant.

import { z } from "zod";
import type { Path } from "./mistakes.ts";
import { fileSchema } from "./schema.ts";

type Node = z.core.JSONSchema.BaseSchema;

/** JSON Schema 2020-12 of the file as people write it: durations as text or numbers, nothing with a default required. */
export const configJsonSchema = (): Node => z.toJSONSchema(fileSchema, { io: "input" });

/**
 * The keys that are known at a place.
 * @param raw the whole file: its `type` fields say which of several forms holds
 */
export const knownKeys = (schema: Node, path: Path, raw: unknown): readonly string[] =>
  Object.keys(chosen(nodeAt(schema, path, raw), valueAt(raw, path))?.properties ?? {});

/** The values that `type` may have at a place; empty where there is only one form. */
export const knownTypes = (schema: Node, path: Path, raw: unknown): readonly string[] =>
  typedForms(nodeAt(schema, path, raw)).map((form) => String(typeOf(form)));

/** The sorts of values that may stand at a place, as JSON Schema calls them. */
export const knownForms = (schema: Node, path: Path, raw: unknown): readonly string[] => {
  const node = nodeAt(schema, path, raw);
  return [node, ...(node?.anyOf ?? []).map(asNode)].flatMap((form) => form?.type ?? []);
};

/** What a key means; empty where nothing is known. */
export const describedAt = (schema: Node, path: Path, raw: unknown): string =>
  nodeAt(schema, path, raw)?.description ?? "";

function nodeAt(schema: Node, path: Path, raw: unknown): Node | undefined {
  let node: Node | undefined = schema;
  for (const [depth, part] of path.entries()) {
    node = child(chosen(node, valueAt(raw, path.slice(0, depth))), part);
  }
  return node;
}

/** What stands at a path; `undefined` when nothing does. */
export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}

/** Of several forms, the one whose `type` the value has; without such types, the one for its sort of value. */
function chosen(node: Node | undefined, value: unknown): Node | undefined {
  const forms = typedForms(node);
  const type = valueAt(value, ["type"]);
  if (forms.length > 0) {
    return forms.find((form) => typeOf(form) === type);
  }
  const sort = Array.isArray(value) ? "array" : "object";
  return node?.anyOf?.map(asNode).find((form) => form?.type === sort) ?? node;
}

/** The forms that are told apart by `type`, also where a plain word may stand in their place. */
export const typedForms = (node: Node | undefined): readonly Node[] =>
  [...(node?.oneOf ?? []), ...(node?.anyOf ?? []).flatMap((form) => asNode(form)?.oneOf ?? [])].flatMap(
    (form) => (typeof form === "object" ? [form] : []),
  );

const typeOf = (form: Node | undefined): unknown => asNode(form?.properties?.["type"])?.const;

function child(node: Node | undefined, part: string | number): Node | undefined {
  if (typeof part === "number") {
    return Array.isArray(node?.items) ? undefined : asNode(node?.items);
  }
  return asNode(node?.properties?.[part] ?? node?.additionalProperties);
}

const asNode = (schema: Node | boolean | undefined): Node | undefined =>
  typeof schema === "object" ? schema : undefined;
