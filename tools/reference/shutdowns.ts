// docs/shutdowns.md: the kinds of shutdowns, as they stand in a resource.

import { shutdownKinds } from "../../src/adapters/shutdowns/registry.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { asNode, entryOf } from "./fields.ts";
import { broker, type Kind, kindsPage } from "./kinds.ts";

export function shutdownsReference(): string {
  const kinds: readonly Kind[] = shutdownKinds;
  const shutdown = asNode(entryOf(configJsonSchema(), "resources").properties?.["shutdown"]);
  return kindsPage({
    title: "Shutdowns",
    introduction: `${shutdown.description ?? ""} A shutdown stands as \`shutdown\` in a resource of the [configuration](configuration.md).

Power is cut only when the resource no longer answers its check and (with \`idleBelow\`) draws little, for \`settle\`. Without a check, the good
end of a command (\`exec\`, \`ssh\`) counts as the machine's, of which \`lastout check\` warns; a request (\`http\`, \`mqtt\`) cannot do without a check. What is not
gone within \`timeout\` stays on, unless \`onTimeout\` says otherwise.`,
    common: "Beside `type`, which says which kind it is:",
    schema: shutdown,
    kinds,
    file: ({ name, options }) => ({
      ...broker,
      switchers: { [`${name}-plug`]: { type: "tasmota", topic: "plug1" } },
      resources: {
        [name]: {
          switcher: `${name}-plug`,
          check: { type: "icmp", host: `${name}.lab` },
          shutdown: options,
        },
      },
    }),
    more: () => [],
    end: [],
  });
}
