// Tables of the keys of the configuration, from their JSON Schema: form, meaning, default. Not which keys belong on which page.

import type { configJsonSchema } from "../../src/config/json-schema.ts";
import { code, table } from "./markdown.ts";

export type Node = ReturnType<typeof configJsonSchema>;

export const asNode = (node: Node | boolean | undefined): Node => (typeof node === "object" ? node : {});

export const entryOf = (schema: Node, section: string): Node =>
  asNode(asNode(schema.properties?.[section]).additionalProperties);

/** The keys of a section; those of a section in it follow with its name before them. */
export const fieldTable = (node: Node): string => `${table(["key", "form", "meaning"], rows(node, ""))}\n`;

type Row = readonly [key: string, form: string, meaning: string];

function rows(node: Node, before: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const field = asNode(child);
    const own: Row = [code(`${before}${name}`), formOf(field), meaningOf(field, isRequired(node, name))];
    if (isSection(field)) {
      // What may be left out as a whole is described as a whole.
      const whole: Row[] = field.default === undefined && field.description !== undefined ? [own] : [];
      return whole.concat(rows(field, `${before}${name}.`));
    }
    const alone: Row[] = [own];
    return alone.concat(rows(sectionIn(field), `${before}${name}.`));
  });
}

/** The section that a key may have in place of a plain value, alone or in a list; one without keys where there is none. */
function sectionIn(field: Node): Node {
  const forms = (field.anyOf ?? []).map(asNode);
  const listed = forms.map(({ items }) => (Array.isArray(items) ? {} : asNode(items)));
  return [...forms, ...listed].find(isSection) ?? {};
}

/** Keys that are known, unlike names that the user gives. */
const isSection = (node: Node): boolean => node.type === "object" && node.properties !== undefined;

const isRequired = (node: Node, name: string): boolean => node.required?.includes(name) ?? false;

function formOf(field: Node): string {
  if (field.const !== undefined) {
    return code(String(field.const));
  }
  if (field.enum !== undefined) {
    return field.enum.map((word) => code(String(word))).join(" ");
  }
  const forms = field.anyOf?.map(asNode);
  if (forms !== undefined) {
    const types = new Set(forms.map(({ type }) => type));
    if (types.has("boolean")) {
      return "text, number or `true` `false`";
    }
    return types.has("number") ? "duration" : forms.map(formOf).join(", or ");
  }
  if (field.type === "array" && !Array.isArray(field.items) && isSection(asNode(field.items))) {
    return "list of sections";
  }
  if (isSection(field)) {
    return "section";
  }
  const names: Readonly<Record<string, string>> = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "`true` `false`",
    array: "list of texts",
    object: "texts by name",
  };
  const types: readonly string[] = Array.isArray(field.type) ? field.type : [String(field.type)];
  const called = types.map((type) => names[type]).filter((name) => name !== undefined);
  return called.length === 0 ? "section" : called.join(", or ");
}

function meaningOf(field: Node, required: boolean): string {
  const standing =
    // Of an empty text its description says that it is empty.
    field.default === undefined || field.default === ""
      ? []
      : [`Default \`${JSON.stringify(field.default).replace(/^"(.*)"$/, "$1")}\`.`];
  return [field.description ?? "", ...(required ? ["Required."] : standing)].join(" ");
}
