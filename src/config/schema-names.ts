// The JSON Schema with the names of one configuration file in it, so that an editor can offer them. The file may have mistakes, as a file
// does that somebody is writing: what can be read of it counts.

import { resolve } from "node:path";
import { configJsonSchema, typedForms, valueAt } from "./json-schema.ts";
import { readLocalFile } from "./local-file.ts";
import { readYaml } from "./yaml.ts";
import { outletIds } from "../adapters/switchers/define.ts";
import { largestFile } from "./load.ts";

type Node = ReturnType<typeof configJsonSchema>;

/** `why`: a sentence with the file and the place. */
export type SchemaRead =
  | { readonly ok: true; readonly schema: Node }
  | { readonly ok: false; readonly why: string };

export function schemaWithNames(file: string): SchemaRead {
  const read = readLocalFile(resolve(file), largestFile);
  if (!read.ok) {
    return { ok: false, why: `${file}: the file cannot be read: ${read.why}` };
  }
  const { document, mistakes } = readYaml(read.text);
  if (document === undefined) {
    const [{ line, column, message } = { line: 1, column: 1, message: "this is no YAML" }] = mistakes;
    return { ok: false, why: `${file}:${line}:${column}: ${message}` };
  }
  const schema = configJsonSchema();
  const { value } = document;
  const outlets = outletsIn(value, schema);
  const resources = namesIn(value, "resources");
  const resource = asNode(asNode(schema.properties?.["resources"]).additionalProperties);
  const pool = asNode(asNode(schema.properties?.["pools"]).additionalProperties);
  offer(asNode(resource.properties?.["switcher"]), outlets);
  offer(asNode(resource.properties?.["needs"]), resources);
  offer(asNode(pool.properties?.["members"]), resources);
  return { ok: true, schema };
}

/** Wherever a text may stand: alone, or in a list. Without any names the schema stays open: the first has to be written somehow. */
function offer(node: Node, names: readonly string[]): void {
  const texts = [node, ...(node.anyOf ?? []).map(asNode)].flatMap((form) => [form, asNode(form.items)]);
  for (const text of texts) {
    if (text.type === "string" && names.length > 0) {
      text.enum = [...names];
    }
  }
}

/** A kind's own number of outlets counts where none is written. */
function outletsIn(value: unknown, schema: Node): readonly string[] {
  const forms = typedForms(asNode(asNode(schema.properties?.["switchers"]).additionalProperties));
  return namesIn(value, "switchers").flatMap((name) => {
    const type = valueAt(value, ["switchers", name, "type"]);
    const form = forms.find(({ properties }) => asNode(properties?.["type"]).const === type);
    const count =
      valueAt(value, ["switchers", name, "outlets"]) ?? asNode(form?.properties?.["outlets"]).default;
    return outletIds(
      name,
      typeof count === "number" && count >= 1 && count <= mostOutlets ? count : undefined,
    );
  });
}

/** Far more than any group has; a file with a slip of the finger must not become a schema of gigabytes. */
const mostOutlets = 256;

function namesIn(value: unknown, section: string): readonly string[] {
  const found = valueAt(value, [section]);
  return typeof found === "object" && found !== null ? Object.keys(found) : [];
}

/** What is not there is an object that nobody looks at. */
const asNode = (node: Node["items"]): Node => (typeof node === "object" && !Array.isArray(node) ? node : {});
