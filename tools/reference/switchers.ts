// docs/switchers.md: the kinds of switchers, what each can do with which options, and for devices over MQTT the topics that this comes to.

import { fields } from "../../src/adapters/switchers/mqtt-options.ts";
import { planOf } from "../../src/adapters/switchers/mqtt-plan.ts";
import type { Wiring } from "../../src/adapters/switchers/mqtt-wiring.ts";
import { capabilitiesOf, switcherKinds, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import type { Capabilities } from "../../src/ports/switcher.ts";
import { entryOf } from "./fields.ts";
import { broker, type Kind, kindsPage } from "./kinds.ts";
import { code, table } from "./markdown.ts";

type Example = Kind["examples"][number];

export function switchersReference(): string {
  const kinds: readonly Kind[] = switcherKinds;
  const entries = entryOf(configJsonSchema(), "switchers");
  return kindsPage({
    title: "Switchers",
    introduction: `${entries.description ?? ""} They stand below \`switchers\` in the [configuration](configuration.md), by names of your choice.

How sure lastout can be of an outlet depends on the device, and on its options. Each example says what it can do:

${table(
  ["word", "meaning"],
  [...Object.entries(readbacks), ...Object.entries(others)].map(([word, meaning]) => [code(word), meaning]),
)}

Whatever it is: an outlet whose position is not known is \`unknown\`, never off, and nothing is commanded then. Try a switcher with
\`lastout switch OUTLET on\` ([command-line.md](command-line.md#switch)) before a machine hangs on it, and let \`lastout discover\` write its YAML
where it can.`,
    common: "Beside `type`, which says which kind it is:",
    schema: entries,
    kinds,
    file: fileOf,
    more: (example) => [canDo(example), ...wiringOf(example)],
    end: [],
  });
}

const readbacks: Readonly<Record<Capabilities["readback"], string>> = {
  hardware: "the device reads its own relay and tells: a switching is confirmed, a hand is noticed",
  inferred:
    "the device, or the bridge before it, tells what it last did: a relay that is stuck or that somebody moved behind its back is not noticed",
  assumed:
    "nothing tells the position. lastout takes it for what it last told it, nobody is noticed who switches by hand, and a command that was lost " +
    "is not repeated",
};

const others: Readonly<Record<"push" | "meter", string>> = {
  push: "the device tells of changes by itself; one without this has to be asked",
  meter:
    "what it draws is told, where the device measures; without it there is no `watts` and no `idleBelow`",
};

function canDo({ options }: Example): string {
  const { readback, push, meter } = capabilitiesOf(switcherOptions.parse(options));
  const words = [readback, ...(push ? ["push"] : []), ...(meter ? ["meter"] : [])].map(code);
  return `**Can do:** ${words.join(", ")}.`;
}

function fileOf({ name, options }: Example): Readonly<Record<string, unknown>> {
  const outlet = options["outlets"] === undefined ? name : `${name}/1`;
  return { ...broker, switchers: { [name]: options }, resources: { build1: { switcher: outlet } } };
}

/** The topics, of the first outlet of a group. */
function wiringOf({ name, options }: Example): readonly string[] {
  if (options["type"] !== "mqtt") {
    return [];
  }
  const [first] = planOf(fields.parse(options), name).outlets;
  return first === undefined
    ? []
    : [
        `What lastout says and hears, here for \`${first.outlet}\`:`,
        table(["what", "topic", "message"], wiringRows(first.wiring)),
      ];
}

type Row = readonly [what: string, topic: string, message: string];

const wiringRows = ({
  command,
  query,
  measure,
  state,
  stateOn,
  stateOff,
  ...more
}: Wiring): readonly Row[] => [
  row("on", command.topic, code(command.on)),
  row("off", command.topic, code(command.off)),
  ...(query === undefined ? [] : [row("asks where it stands", query.topic, textOf(query.payload))]),
  ...(query?.answer === undefined ? [] : [row("hears that it is there", query.answer, "anything")]),
  ...(measure === undefined || measure.payload === query?.payload
    ? []
    : [row("asks what it draws", measure.topic, textOf(measure.payload))]),
  ...state.map(({ topic, path }) =>
    row("hears where it stands", topic, `${code(stateOn)} or ${code(stateOff)}${placeOf(path)}`),
  ),
  ...more.availability.map(({ topic, path, online, offline }) =>
    row("hears whether it is there", topic, `${code(online)} or ${code(offline)}${placeOf(path)}`),
  ),
  ...more.power.map(({ topic, path, scale }) =>
    row("hears what it draws", topic, `${scaled(scale)}watts${placeOf(path)}`),
  ),
  ...more.energy.map(({ topic, path, scale }) =>
    row("hears its meter", topic, `${scaled(scale)}kWh${placeOf(path)}`),
  ),
];

const row = (what: string, topic: string, message: string): Row => [what, code(topic), message];

const textOf = (payload: string): string => (payload === "" ? "empty" : code(payload));

/** In which part of the unit the number is. */
const scaled = (scale: number): string =>
  scale === 1 ? "" : scale < 1 ? `1/${Math.round(1 / scale)} ` : `${scale} `;

const placeOf = (path: Wiring["state"][number]["path"]): string =>
  path === undefined
    ? ""
    : ` at ${code(path.map((key) => (/^\w+$/.test(String(key)) ? String(key) : `"${key}"`)).join("."))}`;
