// docs/configuration.md: every section of the file and its keys. What comes in kinds has pages of its own.

import { configJsonSchema, typedForms } from "../../src/config/json-schema.ts";
import { asNode, entryOf, fieldTable, type Node } from "./fields.ts";
import { handsOff } from "./markdown.ts";

const introduction = `# Configuration

<!-- ${handsOff} -->

One YAML file (YAML 1.2, so JSON will do, too). It is checked whole before anything starts: \`lastout check --config FILE\` and \`lastout serve\`
tell every mistake with its file, line and column, what is wrong and what would be right, and exit with 78. Unknown keys are mistakes. Warnings are told and
start all the same. After a change, check the file and type
\`lastout reload\`: what did not change goes on undisturbed, and what needs a restart is told. Neither changes an outlet by itself.

\`serve\` and \`check\` without \`--config\` look for \`./lastout.yaml\`, then \`$XDG_CONFIG_HOME/lastout/lastout.yaml\` (else \`~/.config/lastout/lastout.yaml\`), then
\`/etc/lastout/lastout.yaml\`.

- **Durations** are a number of seconds (\`90\`, \`0.5\`) or a text: \`500ms\`, \`90s\`, \`15m\`, \`2h\`, \`1h30m\`, \`7d\`; 10,000 days (\`10000d\`) at most.
- **Secrets** need not stand in the file: \`\${ENV_NAME}\`, \`\${ENV_NAME:-default}\` and \`\${file:/run/secrets/x}\` are replaced in texts, and are never shown or logged.
  Write \`$\${\` for a plain \`\${\`.
- **Relative paths** are relative to the file.
- **Editors** complete and check the file with [config/lastout.schema.json](../config/lastout.schema.json); put
  \`# yaml-language-server: $schema=PATH/lastout.schema.json\` into its first line.

Examples: [config/smallest.yaml](../config/smallest.yaml) is the smallest file that runs, [config/everything.yaml](../config/everything.yaml) has every key with
its default. What comes in kinds has pages of its own, with an example of each: [switchers](switchers.md), [checkers](checkers.md) and
[shutdowns](shutdowns.md).
`;

export function configurationReference(): string {
  const schema = configJsonSchema();
  const sections = Object.entries(schema.properties ?? {}).map(
    ([name, node]) => [name, asNode(node)] as const,
  );
  const plain = sections.filter(([, node]) => node.type !== "object");
  const behaviour = asNode(schema.properties?.["defaults"]);
  const resource = entryOf(schema, "resources");
  const own = Object.fromEntries(
    Object.entries(resource.properties ?? {})
      .filter(([name]) => !(name in (behaviour.properties ?? {})))
      .map(([name, node]) => [name, elsewhere(name, asNode(node))]),
  );
  const named = ["mqtt", "broker", "store", "limits", "log"].map((name) =>
    part(`## ${name}`, asNode(schema.properties?.[name])),
  );
  return [
    introduction,
    "## At the top level\n",
    fieldTable({ properties: Object.fromEntries(plain) }),
    ...named,
    part("## defaults", behaviour, "Each of these may stand in a resource, too, and wins there."),
    "## switchers\n",
    `${asNode(schema.properties?.["switchers"]).description ?? ""} ${entryOf(schema, "switchers").description ?? ""}\n`,
    "The kinds, their keys and an example of each: [switchers.md](switchers.md).\n",
    "## resources\n",
    `${asNode(schema.properties?.["resources"]).description ?? ""}\n`,
    fieldTable({ ...resource, properties: own }),
    "All keys of `defaults` may stand here as well.\n",
    part("## pools", { ...entryOf(schema, "pools"), description: descriptionOf(schema, "pools") }),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const pages: Readonly<Record<string, string>> = {
  check: "See [checkers.md](checkers.md)",
  keepWhile: "A check of any kind; see [checkers.md](checkers.md)",
  shutdown: "See [shutdowns.md](shutdowns.md)",
};

/** What comes in kinds is only named in the table. */
const elsewhere = (name: string, node: Node): Node =>
  typedForms(node).length === 0 ? node : { description: `${node.description ?? ""} ${pages[name] ?? ""}.` };

const descriptionOf = (schema: Node, section: string): string =>
  asNode(schema.properties?.[section]).description ?? "";

const part = (title: string, node: Node, more = ""): string =>
  `${title}\n\n${[node.description ?? "", more].filter((text) => text !== "").join(" ")}\n\n${fieldTable(node)}`;
