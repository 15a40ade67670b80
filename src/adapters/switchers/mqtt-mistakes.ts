// Options of a generic MQTT switcher that are right one by one and do not fit together: what is missing, what is too much, relays that
// could not be told apart, and a device that would be believed to say what lastout itself has said.

import type { JsonPath } from "../json-path.ts";
import type { MqttOptions } from "./mqtt-options.ts";
import { heardIn, planOf, presetOf, publishedIn, ownWiring, templateOf } from "./mqtt-plan.ts";
import { freshId, placeholdersIn } from "./mqtt-wiring.ts";

export interface Problem {
  readonly field: keyof MqttOptions;
  /** The end of a sentence that begins with the field's name. */
  readonly message: string;
}

type Field = keyof MqttOptions;

const given = (options: MqttOptions, ...fields: readonly Field[]): readonly Field[] =>
  fields.filter((field) => options[field] !== undefined);

const problem = (field: Field, message: string): Problem => ({ field, message });

const missing = (field: Field, what: string): Problem => problem(field, `is missing: ${what}`);

/** In the order in which they are best mended: as long as something is missing or too much, the rest would only confuse. */
export function mistakesIn(options: MqttOptions): readonly Problem[] {
  const needs = options.preset === undefined ? plainNeeds(options) : presetNeeds(options);
  return needs.length > 0 ? needs : [...unknownPlaceholders(options), ...unclear(options)].slice(0, 1);
}

function presetNeeds(options: MqttOptions): readonly Problem[] {
  const { preset, device, channel } = options;
  const found = presetOf(options);
  const unwanted = given(options, "command", "on", "off", "state", "stateOn", "stateOff", "path", "assume");
  const problems = unwanted.map((field) =>
    problem(
      field,
      `comes with the preset ${preset}: leave it out, or leave the preset out and describe the device whole`,
    ),
  );
  if (device === undefined) {
    problems.push(missing("device", "write what the device is called in its topics"));
  } else if (/["\\{}]|^\/|\/$|\/\//.test(device)) {
    problems.push(problem("device", "is no name of a device: it has a quote, a brace, or a `/` too many"));
  }
  if (options.base !== undefined && found?.based !== true) {
    problems.push(problem("base", `means nothing with the preset ${preset}: its whole prefix is the device`));
  }
  if (channel === undefined && found?.channel(options.outlets === undefined) === undefined) {
    problems.push(
      missing(
        "channel",
        "write the object id of the node's switch, which is its name in lower case with `_` for blanks",
      ),
    );
  }
  return problems.length > 0 ? problems : wrongChannels(options);
}

function wrongChannels(options: MqttOptions): readonly Problem[] {
  const found = presetOf(options);
  const { outlets } = planOf(options, "x");
  const [form, words] = found?.channelForm ?? [/^/, ""];
  const filled = outlets.map(({ wiring }) => `${wiring.command.topic} ${wiring.command.on}`);
  const { channel } = options;
  if (channel === undefined) {
    return [];
  }
  if (outlets.some((one) => !form.test(channelOf(channel, one.channel)))) {
    return [problem("channel", `is no channel of a device with ${options.preset}: write ${words}`)];
  }
  return new Set(filled).size === filled.length
    ? []
    : [
        problem(
          "channel",
          "is the same for all outlets of the group: put `{{outlet}}` or `{{index}}` into it",
        ),
      ];
}

/** An empty channel is shown as the place in the group. */
const channelOf = (written: string, shown: string): string => (written === "" ? "" : shown);

function plainNeeds(options: MqttOptions): readonly Problem[] {
  const problems = given(options, "device", "base", "channel").map((field) =>
    problem(field, "is for presets: choose one with `preset`, or leave it out"),
  );
  if (options.command === undefined) {
    problems.push(
      missing("command", "write the topic that the device is commanded on, or the preset of its family"),
    );
  }
  if (options.state === undefined) {
    problems.push(
      ...given(options, "stateOn", "stateOff", "path", "query").map((field) =>
        problem(field, "means nothing without `state`, where the device tells its position"),
      ),
    );
    if (options.assume === undefined) {
      problems.push(
        missing(
          "assume",
          "without `state` nothing tells the position; write `state`, or what is to be assumed at a start: on is the careful choice",
        ),
      );
    }
    return problems;
  }
  if (options.assume !== undefined) {
    problems.push(
      problem("assume", "is only for a device that never tells its position: leave it out, or `state`"),
    );
  }
  if (options.path !== undefined && typeof options.state !== "string") {
    problems.push(problem("path", "stands in each entry of the list `state` instead"));
  }
  for (const [word, from] of [
    ["stateOn", "on"],
    ["stateOff", "off"],
  ] as const) {
    if (options[word] === undefined && /^\s*[{[]/.test(options[from] ?? "")) {
      problems.push(
        missing(word, `\`${from}\` is JSON, which no state looks like; write what the state is then`),
      ); // what is published is JSON, which no state equals
    }
  }
  return problems;
}

function unknownPlaceholders(options: MqttOptions): readonly Problem[] {
  const names = ["outlet", "index", "name"];
  // What a preset's own texts have in them is the preset's business.
  const { command, state, query, availability, power, energy } = ownWiring(options);
  const places = (
    field: Field,
    found: readonly { readonly topic: string; readonly path: JsonPath | undefined }[],
  ) =>
    refuse(
      field,
      found.flatMap(({ topic, path = [] }) => [topic, ...path.map(String)]),
      names,
    );
  return [
    ...refuse("channel", [options.channel], ["outlet", "index"]),
    ...refuse("command", [command.topic], names),
    ...refuse("on", [command.on], [...names, freshId]),
    ...refuse("off", [command.off], [...names, freshId]),
    ...places("state", state),
    ...refuse("query", [query?.topic, query?.answer], names),
    ...refuse("query", [query?.payload], [...names, freshId]),
    ...places("availability", availability),
    ...places("power", power),
    ...places("energy", energy),
  ];
}

function refuse(
  field: Field,
  texts: readonly (string | undefined)[],
  known: readonly string[],
): readonly Problem[] {
  const unknown = texts.flatMap((text) => placeholdersIn(text ?? "")).find((name) => !known.includes(name));
  const all = known.map((name) => `{{${name}}}`).join(", ");
  return unknown === undefined
    ? []
    : [problem(field, `has {{${unknown}}}, which stands for nothing here: there are ${all}`)];
}

/** What could not be told apart. */
function unclear(options: MqttOptions): readonly Problem[] {
  const plans = planOf(options, "x").outlets.map(({ wiring }) => wiring);
  const { command, stateOn, stateOff, state } = templateOf(options);
  const commands = plans.map((one) => `${one.command.topic}\n${one.command.on}\n${one.command.off}`);
  const states = plans.map((one) => JSON.stringify(one.state));
  const published = new Set(plans.flatMap(publishedIn));
  const echoed = plans.flatMap(heardIn).find((topic) => published.has(topic));
  if (command.on === command.off) {
    return [problem("off", "is what `on` is: the device could not tell them apart")];
  }
  if (state.length > 0 && stateOn === stateOff) {
    return [problem("stateOff", "is what `stateOn` is: nobody could tell them apart")];
  }
  if (new Set(commands).size < commands.length) {
    return [
      problem(
        "command",
        "is the same for all outlets of the group: put `{{outlet}}` or `{{index}}` into it or into the payloads",
      ),
    ];
  }
  if (state.length > 0 && new Set(states).size < states.length) {
    return [
      problem(
        "state",
        "is the same for all outlets of the group: put `{{outlet}}` or `{{index}}` into its topic or path",
      ),
    ];
  }
  return echoed === undefined
    ? []
    : [
        problem(
          options.preset === undefined ? "state" : "device",
          `makes lastout publish to ${echoed} and listen there: what it says itself would be taken for the device's word`,
        ),
      ];
}
