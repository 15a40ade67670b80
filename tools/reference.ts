// Writes docs/configuration.md: the reference of the configuration file, made from the descriptions in its schema, so that the page
// cannot say anything else than the program does. `npm run reference`; a test fails when the page is not up to date.

import { writeFileSync } from "node:fs";
import { checkerKinds } from "../src/adapters/checkers/registry.ts";
import { switcherKinds } from "../src/adapters/switchers/registry.ts";
import { configJsonSchema } from "../src/config/json-schema.ts";

type Node = ReturnType<typeof configJsonSchema>;

export const configurationPage = "docs/configuration.md";

const introduction = `# Configuration

<!-- Made by \`npm run reference\` from the descriptions in the source. Do not edit. -->

One YAML file (YAML 1.2, so JSON will do, too). It is checked whole before anything starts: \`lastout check --config FILE\` and \`lastout serve\`
tell every mistake with its file, line and column, what is wrong and what would be right, and exit with 78. Unknown keys are mistakes. Warnings are told and
start all the same. After a change, check the file and restart lastout; a restart changes no outlet.

\`serve\` and \`check\` without \`--config\` look for \`./lastout.yaml\`, then \`$XDG_CONFIG_HOME/lastout/lastout.yaml\` (else \`~/.config/lastout/lastout.yaml\`), then
\`/etc/lastout/lastout.yaml\`.

- **Durations** are a number of seconds (\`90\`, \`0.5\`) or a text: \`500ms\`, \`90s\`, \`15m\`, \`2h\`, \`1h30m\`, \`7d\`.
- **Secrets** need not stand in the file: \`\${ENV_NAME}\`, \`\${ENV_NAME:-default}\` and \`\${file:/run/secrets/x}\` are replaced in texts, and are never shown or logged.
  Write \`$\${\` for a plain \`\${\`.
- **Relative paths** are relative to the file.
- **Editors** complete and check the file with [config/lastout.schema.json](../config/lastout.schema.json); put
  \`# yaml-language-server: $schema=PATH/lastout.schema.json\` into its first line.

Examples: [config/smallest.yaml](../config/smallest.yaml) is the smallest file that runs, [config/everything.yaml](../config/everything.yaml) has every key with
its default.
`;

export function configurationReference(): string {
  const schema = configJsonSchema();
  const sections = Object.entries(schema.properties ?? {}).map(
    ([name, node]) => [name, asNode(node)] as const,
  );
  const plain = sections.filter(([, node]) => !isSection(node));
  const behaviour = asNode(schema.properties?.["defaults"]);
  const resource = asNode(asNode(schema.properties?.["resources"]).additionalProperties);
  const own = Object.fromEntries(
    Object.entries(resource.properties ?? {}).filter(
      ([name]) => !(name in (behaviour.properties ?? {})) && name !== "check",
    ),
  );
  const named = ["mqtt", "broker", "store", "limits", "log"].map((name) =>
    part(`## ${name}`, asNode(schema.properties?.[name])),
  );
  return [
    introduction,
    "## At the top level\n",
    table({ properties: Object.fromEntries(plain) }),
    ...named,
    part("## defaults", behaviour, "Each of these may stand in a resource, too, and wins there."),
    "## switchers\n",
    `${asNode(schema.properties?.["switchers"]).description ?? ""} ${entryOf(schema, "switchers").description ?? ""}\n`,
    ...kinds("switcher", entryOf(schema, "switchers"), switcherKinds),
    "## resources\n",
    `${asNode(schema.properties?.["resources"]).description ?? ""}\n`,
    table({ ...resource, properties: { ...own, check: { description: "See below." } } }),
    "All keys of `defaults` may stand here as well.\n",
    "## check\n",
    `In a resource. ${asNode(resource.properties?.["check"]).description ?? ""}\n`,
    ...kinds("check", asNode(resource.properties?.["check"]), checkerKinds),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const asNode = (node: Node | boolean | undefined): Node => (typeof node === "object" ? node : {});

const entryOf = (schema: Node, section: string): Node =>
  asNode(asNode(schema.properties?.[section]).additionalProperties);

const isSection = (node: Node): boolean => node.type === "object";

const part = (title: string, node: Node, more = ""): string =>
  `${title}\n\n${[node.description ?? "", more].filter((text) => text !== "").join(" ")}\n\n${table(node)}`;

function kinds(
  word: string,
  node: Node,
  registry: readonly { readonly type: string; readonly summary: string }[],
): string[] {
  return (node.oneOf ?? []).map(asNode).map((form) => {
    const type = String(asNode(form.properties?.["type"]).const);
    const summary = registry.find((kind) => kind.type === type)?.summary ?? "";
    return `### ${word} of type \`${type}\`\n\n${summary}\n\n${table(form)}`;
  });
}

/** The keys of a section; those of a section in it follow with its name before them. */
function table(node: Node): string {
  return ["| key | form | meaning |", "| --- | --- | --- |", ...rows(node, ""), ""].join("\n");
}

function rows(node: Node, before: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const field = asNode(child);
    return isSection(field)
      ? rows(field, `${before}${name}.`)
      : [
          `| \`${before}${name}\` | ${cell(formOf(field))} | ${cell(meaningOf(field, isRequired(node, name)))} |`,
        ];
  });
}

const isRequired = (node: Node, name: string): boolean => node.required?.includes(name) ?? false;

function formOf(field: Node): string {
  if (field.const !== undefined) {
    return `\`${String(field.const)}\``;
  }
  if (field.enum !== undefined) {
    return field.enum.map((word) => `\`${String(word)}\``).join(" ");
  }
  if (field.anyOf !== undefined) {
    return "duration"; // The only union in the file.
  }
  const forms: Readonly<Record<string, string>> = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "`true` `false`",
    array: "list of texts",
  };
  return forms[String(field.type)] ?? "section";
}

function meaningOf(field: Node, required: boolean): string {
  const standing =
    field.default === undefined
      ? []
      : [`Default \`${JSON.stringify(field.default).replace(/^"(.*)"$/, "$1")}\`.`];
  return [field.description ?? "", ...(required ? ["Required."] : standing)].join(" ");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

if (import.meta.main) {
  writeFileSync(new URL(`../${configurationPage}`, import.meta.url), configurationReference());
}
