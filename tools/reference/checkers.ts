// docs/checkers.md: the kinds of checks, as they stand in a resource.

import { checkerKinds } from "../../src/adapters/checkers/registry.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { asNode, entryOf } from "./fields.ts";
import { broker, type Kind, kindsPage } from "./kinds.ts";

export function checkersReference(): string {
  const kinds: readonly Kind[] = checkerKinds;
  const resource = entryOf(configJsonSchema(), "resources");
  const check = asNode(resource.properties?.["check"]);
  const keepWhile = asNode(resource.properties?.["keepWhile"]);
  return kindsPage({
    title: "Checkers",
    introduction: `${check.description ?? ""} A check stands as \`check\` in a resource of the [configuration](configuration.md).

A check succeeds (up), fails (down), or cannot be made (an error). An error says nothing about the resource, which keeps the state that it has;
it is the problem \`check-error\` ([errors.md](errors.md#problem-codes)).`,
    common: "Beside `type`, which says which kind it is:",
    schema: check,
    kinds,
    file: ({ name, options }) => ({
      ...broker,
      switchers: { [`${name}-plug`]: { type: "tasmota", topic: "plug1" } },
      resources: { [name]: { switcher: `${name}-plug`, check: options } },
    }),
    more: () => [],
    end: [
      "## keepWhile",
      `\`keepWhile\` in a resource is a check, too, of any of these kinds, asked for another reason. ${keepWhile.description ?? ""} Where its keys ` +
        'say "available", it is up that is meant.',
    ],
  });
}
