// A page of all kinds of one sort: what each is for and needs, its keys, and examples that can be copied whole. What is said about one
// sort alone is given by its own file.

import type { Example } from "../../src/adapters/example.ts";
import { typedForms } from "../../src/config/json-schema.ts";
import { asNode, fieldTable, type Node } from "./fields.ts";
import { code, handsOff } from "./markdown.ts";
import { yamlText } from "./yaml-text.ts";

export interface Kind {
  readonly type: string;
  readonly summary: string;
  readonly needs: string;
  readonly examples: readonly Example<Readonly<Record<string, unknown>>>[];
}

export interface KindsPage {
  readonly title: string;
  /** What stands above the kinds. */
  readonly introduction: string;
  /** Above the table of the keys that all kinds have. */
  readonly common: string;
  /** The union of all kinds. */
  readonly schema: Node;
  readonly kinds: readonly Kind[];
  /** A configuration in which the example stands. */
  readonly file: (example: Kind["examples"][number]) => Readonly<Record<string, unknown>>;
  /** What is to be said of an example beside its title and its YAML; Markdown. */
  readonly more: (example: Kind["examples"][number]) => readonly string[];
  /** Behind all kinds. */
  readonly end: readonly string[];
}

export function kindsPage(page: KindsPage): string {
  const forms = typedForms(page.schema);
  const common = Object.fromEntries(
    Object.entries(forms[0]?.properties ?? {}).filter(([name, field]) =>
      forms.every((form) => JSON.stringify(form.properties?.[name]) === JSON.stringify(field)),
    ),
  );
  return [
    `# ${page.title}`,
    `<!-- ${handsOff} -->`,
    page.introduction,
    page.kinds.map(({ type, summary }) => `- [${code(type)}](#${type}): ${summary}`).join("\n"),
    "## Keys of all kinds",
    page.common,
    fieldTable({ properties: common }).trim(),
    ...page.kinds.flatMap((kind) => section(page, kind, without(formOf(forms, kind), common))),
    ...page.end,
  ]
    .join("\n\n")
    .concat("\n");
}

const section = (page: KindsPage, { type, summary, needs, examples }: Kind, form: Node): string[] => [
  `## ${type}`,
  summary,
  `**Needs:** ${needs}`,
  fieldTable(form).trim(),
  ...examples.flatMap((example) => [
    `### ${example.title}`,
    example.about,
    ["```yaml", yamlText(page.file(example)), "```"].join("\n"),
    ...page.more(example),
  ]),
];

const formOf = (forms: readonly Node[], { type }: Kind): Node =>
  forms.find((form) => asNode(form.properties?.["type"]).const === type) ?? {};

const without = (form: Node, common: Node["properties"] & object): Node => ({
  ...form,
  properties: Object.fromEntries(
    Object.entries(form.properties ?? {}).filter(([name]) => !Object.hasOwn(common, name)),
  ),
});

/** What every example stands in. */
export const broker = { mqtt: { url: "mqtt://broker.lab" } };
