// Examples as YAML, in the manner in which people write it: short mappings on one line, lists always. Only for what examples have in
// them: texts, numbers, booleans, lists and mappings. Not for files of users.

type Value = unknown;

/** Longer lines are hard to read beside others. */
const widest = 100;

export const yamlText = (value: Readonly<Record<string, Value>>): string =>
  Object.entries(value)
    .flatMap(([key, child]) => entry(key, child, 0))
    .join("\n");

function entry(key: string, value: Value, depth: number): string[] {
  const before = `${"  ".repeat(depth)}${scalar(key)}:`;
  const line = `${before} ${flow(value)}`;
  // Sections and their entries are easier to find in lines of their own.
  const isSection = depth === 0 && Object.values(mappingOf(value)).some(isMapping);
  return !isMapping(value) || (!isSection && line.length <= widest)
    ? [line]
    : [before, ...Object.entries(mappingOf(value)).flatMap(([name, child]) => entry(name, child, depth + 1))];
}

function flow(value: Value): string {
  if (Array.isArray(value)) {
    return `[${value.map(flow).join(", ")}]`;
  }
  return isMapping(value)
    ? `{ ${Object.entries(mappingOf(value))
        .map(([key, child]) => `${scalar(key)}: ${flow(child)}`)
        .join(", ")} }`
    : scalar(value);
}

/** Plain where every reader of YAML takes it for the same text; else in quotes, as JSON, which YAML contains. */
const scalar = (value: Value): string =>
  typeof value === "string" &&
  /^[A-Za-z0-9/][\w ./@:-]*$/.test(value) &&
  !/: |:$| $/.test(value) &&
  !isOther(value)
    ? value
    : typeof value === "string" && /^[^'\p{Cc}]*$/u.test(value) && value.includes('"')
      ? `'${value}'`
      : JSON.stringify(value);

const isOther = (text: string): boolean =>
  !Number.isNaN(Number(text)) || /^(true|false|null|[\d:]+|\d+-\d+-\d+)$/i.test(text);

const isMapping = (value: Value): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const mappingOf = (value: Value): Readonly<Record<string, Value>> =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
