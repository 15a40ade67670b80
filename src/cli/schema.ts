// `lastout schema`: the JSON Schema of the configuration file, for editors. What it says is src/config/json-schema.ts's.

import { helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits } from "./exit-codes.ts";

export const schemaCommand: Command = {
  usage: "[--config FILE]",
  about:
    "Print the JSON Schema (2020-12) of the configuration file, with which editors complete and check it. With --config it knows the\n" +
    "names in that file, too: where an outlet or a resource is to be named, only those of the file are offered and right. The file may\n" +
    "be unfinished; it must be YAML.",
  options: {
    config: { value: "FILE", help: "offer the names of outlets and resources in this file" },
    json: { value: undefined, help: "as without: it is JSON" },
    quiet: { value: undefined, help: "as without: only errors are said" },
    ...helpOption,
  },
  exits: { 65: "", 78: "FILE cannot be read, or is no YAML" },
  examples: [
    [
      "lastout schema > lastout.schema.json",
      "then '# yaml-language-server: $schema=lastout.schema.json' in the file",
    ],
    ["lastout schema --config lab.yaml > lab.schema.json", "with the names of lab.yaml"],
  ],
  run: schema,
};

async function schema({ args, terminal }: Context): Promise<number> {
  const [word] = args.words;
  if (word !== undefined || args.rest !== undefined) {
    throw new CommandError("usage", `schema takes no words; did you mean --config ${word ?? "FILE"}?`);
  }
  const file = args.value("config");
  const { configJsonSchema } = await import("../config/json-schema.ts");
  if (file === undefined) {
    terminal.out(JSON.stringify(configJsonSchema(), undefined, 2));
    return exits.done;
  }
  const { schemaWithNames } = await import("../config/schema-names.ts");
  const read = schemaWithNames(file);
  if (!read.ok) {
    throw new CommandError("configuration", read.why);
  }
  terminal.out(JSON.stringify(read.schema, undefined, 2));
  return exits.done;
}
