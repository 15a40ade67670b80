// Writes docs/configuration.md: the reference of the configuration file, made from the descriptions in its schema, so that the page
// cannot say anything else than the program does. `npm run reference`; a test fails when the page is not up to date.

import { writeFileSync } from "node:fs";
import { checkerKinds } from "../src/adapters/checkers/registry.ts";
import { shutdownKinds } from "../src/adapters/shutdowns/registry.ts";
import { switcherKinds } from "../src/adapters/switchers/registry.ts";
import { configJsonSchema, typedForms } from "../src/config/json-schema.ts";

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
  const plain = sections.filter(([, node]) => node.type !== "object");
  const behaviour = asNode(schema.properties?.["defaults"]);
  const resource = asNode(asNode(schema.properties?.["resources"]).additionalProperties);
  const field = (name: string): Node => asNode(resource.properties?.[name]);
  const own = Object.fromEntries(
    Object.entries(resource.properties ?? {})
      .filter(([name]) => !(name in (behaviour.properties ?? {})))
      .map(([name, node]) => [name, below(name, asNode(node))]),
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
    table({ ...resource, properties: own }),
    "All keys of `defaults` may stand here as well.\n",
    "## pools\n",
    `${asNode(schema.properties?.["pools"]).description ?? ""}\n`,
    table(entryOf(schema, "pools")),
    "## check\n",
    `In a resource. ${field("check").description ?? ""}\n`,
    ...kinds("check", field("check"), checkerKinds),
    "## shutdown\n",
    `In a resource. ${field("shutdown").description ?? ""}\n`,
    shutdownStory,
    ...kinds("shutdown", field("shutdown"), shutdownKinds),
    "## keepWhile\n",
    `In a resource. ${field("keepWhile").description ?? ""}\n`,
    'It is a check of any kind, with the same keys as under `check`; there, "available" is what up means here.\n',
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const shutdownStory = `Power is cut only when the resource no longer answers its check and (with \`idleBelow\`) draws little, for \`settle\`. Without a check, the good
end of a command (\`exec\`, \`ssh\`) counts as the machine's, of which \`lastout check\` warns; a request (\`http\`, \`mqtt\`) cannot do without a check. What is not
gone within \`timeout\` stays on, unless \`onTimeout\` says otherwise.
`;

/** What has a section of its own on the page is only named in the table. */
const below = (name: string, node: Node): Node =>
  typedForms(node).length === 0
    ? node
    : {
        description:
          name === "keepWhile"
            ? "A check; see [below](#keepwhile)."
            : `${name === "shutdown" ? "`none`, or a section; see" : "See"} [below](#${name}).`,
      };

const asNode = (node: Node | boolean | undefined): Node => (typeof node === "object" ? node : {});

const entryOf = (schema: Node, section: string): Node =>
  asNode(asNode(schema.properties?.[section]).additionalProperties);

/** Keys that are known, unlike names that the user gives. */
const isSection = (node: Node): boolean => node.type === "object" && node.properties !== undefined;

const part = (title: string, node: Node, more = ""): string =>
  `${title}\n\n${[node.description ?? "", more].filter((text) => text !== "").join(" ")}\n\n${table(node)}`;

function kinds(
  word: string,
  node: Node,
  registry: readonly { readonly type: string; readonly summary: string }[],
): string[] {
  return typedForms(node).map((form) => {
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
  const forms = field.anyOf?.map((form) => asNode(form).type);
  if (forms !== undefined) {
    return forms.includes("array") ? "text, or list of texts" : "duration"; // The only unions in the file.
  }
  const names: Readonly<Record<string, string>> = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "`true` `false`",
    array: "list of texts",
    object: "texts by name",
  };
  return names[String(field.type)] ?? "section";
}

function meaningOf(field: Node, required: boolean): string {
  const standing =
    // Of an empty text its description says that it is empty.
    field.default === undefined || field.default === ""
      ? []
      : [`Default \`${JSON.stringify(field.default).replace(/^"(.*)"$/, "$1")}\`.`];
  return [field.description ?? "", ...(required ? ["Required."] : standing)].join(" ");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

if (import.meta.main) {
  writeFileSync(new URL(`../${configurationPage}`, import.meta.url), configurationReference());
}
