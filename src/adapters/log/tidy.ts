// What may stand in a log line: values of any kind and origin made short, harmless to a terminal, and free of secrets.
// Not how the line is written.

const limits = { text: 1024, key: 64, items: 50, depth: 5, stackLines: 20, causes: 3 };

/**
 * Fields whose value is never logged, at any depth, whatever their case and their `-` or `_`. A usage token's id is no secret
 * and stands under `token`; what proves who somebody is goes under one of these names.
 */
const secrets = new Set([
  "password",
  "passphrase",
  "passwd",
  "pass",
  "secret",
  "bearer",
  "authorization",
  "apikey",
  "key",
  "privatekey",
  "cookie",
  "community",
  "authkey",
  "privkey",
  "secureon",
]);

/** Names that the line itself uses. */
const taken = new Set(["level", "time", "msg"]);

export function tidyFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return Object.fromEntries(
      tidyEntries(fields, 0).map(([key, value]) => [taken.has(key) ? `${key}_` : key, value]),
    );
  } catch (error) {
    // A getter that throws, for example: a line about it is better than an end of the program.
    return { fieldsLost: tidyText(String(error)) };
  }
}

/**
 * Control characters, direction marks and lone surrogates become visible (`\u{1b}`), so that a name from the network can neither
 * move the cursor of somebody who reads the log nor fake a line of it. A password in a URL becomes `***`.
 */
export function tidyText(text: string): string {
  const short =
    text.length > limits.text ? `${text.slice(0, limits.text)}... (${text.length} characters)` : text;
  return short
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, "$1***@")
    .replaceAll(
      /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
      (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );
}

function tidyEntries(fields: object, depth: number): [string, unknown][] {
  const all = Object.entries(fields);
  const entries = all
    .slice(0, limits.items)
    .map(([key, value]): [string, unknown] => [
      tidyText(key.slice(0, limits.key)),
      secrets.has(key.toLowerCase().replaceAll(/[-_]/g, "")) && value !== undefined
        ? "[redacted]"
        : tidyValue(value, depth + 1),
    ]);
  return all.length > limits.items ? [...entries, ["...", `${all.length - limits.items} more`]] : entries;
}

function tidyValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return tidyText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
    case "undefined":
      return value;
    case "bigint":
    case "symbol":
      return tidyText(String(value));
    case "function":
      return "[function]";
    case "object":
      return value === null ? value : tidyObject(value, depth);
  }
}

function tidyObject(value: object, depth: number): unknown {
  if (depth > limits.depth) {
    return "[deeper]"; // Also where a circle ends.
  }
  if (value instanceof Error) {
    return tidyError(value, depth);
  }
  if (ArrayBuffer.isView(value)) {
    return `[${value.byteLength} bytes]`;
  }
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...value];
    const kept = items.slice(0, limits.items).map((item) => tidyValue(item, depth + 1));
    return items.length > limits.items ? [...kept, `... ${items.length - limits.items} more`] : kept;
  }
  const fields: object = value instanceof Map ? mapFields(value) : value;
  return Object.fromEntries(tidyEntries(fields, depth));
}

const mapFields = (map: ReadonlyMap<unknown, unknown>): object =>
  Object.fromEntries([...map].map(([key, value]) => [String(key), value]));

/** An error's own fields, too: its `code`, above all. The stack is a list, so that a line of it cannot pass for a line of the log. */
function tidyError(error: Error, depth: number): Record<string, unknown> {
  const own = tidyEntries(error, depth).filter(([key]) => !["message", "stack", "cause"].includes(key));
  const frames = (error.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  return {
    ...Object.fromEntries(own),
    type: tidyText(error.name),
    message: tidyText(error.message),
    ...(frames.length === 0
      ? {}
      : { stack: frames.slice(0, limits.stackLines).map((line) => tidyText(line.trim())) }),
    ...(error.cause === undefined || depth > limits.causes
      ? {}
      : { cause: tidyValue(error.cause, depth + 1) }),
  };
}
