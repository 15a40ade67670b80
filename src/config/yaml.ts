// YAML text to a plain value, and where each part of it stands. The only importer of js-yaml. It knows nothing of lastout's
// keys: what they mean is schema.ts's.

import {
  CORE_SCHEMA,
  constructFromEvents,
  type Event,
  EVENT_ID,
  getScalarValue,
  mergeTag,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from "js-yaml";
import { createPlaceMap, mostAliased, type PlaceMap } from "./place-map.ts";
import { type Places, placesOf, type Spot, spotFinder } from "./places.ts";
import { sayParseError } from "./yaml-failures.ts";

interface YamlMistake extends Spot {
  readonly path: string;
  readonly message: string;
}

export interface Yaml {
  /** `undefined`: nothing could be read; `mistakes` says why. */
  readonly document: { readonly value: unknown; readonly places: Places } | undefined;
  readonly mistakes: readonly YamlMistake[];
}

/** Core schema of YAML 1.2 (`yes` and `on` are text) with merge keys, which people use for what several resources share. */
const schema = CORE_SCHEMA.withTags(mergeTag);

/**
 * Reads one document. All duplicate keys are told at once, beside the value (in which the last one counts), so that checking
 * can go on; a text that is no YAML gives its first mistake and no value.
 */
export function readYaml(text: string): Yaml {
  const marked = text.replaceAll(/\$\{([^{}\r\n]*)\}/g, `$${open}$1${close}`);
  const lines = text.split(/\r\n?|\n/);
  const spotAt = spotFinder(text);
  try {
    const events = parseEvents(marked, {});
    if (events.filter((event) => event.type === EVENT_ID.DOCUMENT).length > 1) {
      const line = lines.findLastIndex((one) => /^---(\s|$)/.test(one)) + 1;
      return failed(
        { line, column: 1 },
        "a second YAML document begins here; a configuration is one: take out the line '---'",
      );
    }
    const map = createPlaceMap();
    const whole = feed(map, marked, events);
    const mistakes = map.mistakes.map(({ offset, path, message }) => ({ ...spotAt(offset), path, message }));
    if (!whole) {
      return { document: undefined, mistakes };
    }
    const [raw] = constructFromEvents(events, {
      source: marked,
      schema,
      json: mistakes.length > 0,
      maxTotalMergeKeys: mostAliased,
    });
    if (raw === null || raw === undefined || map.root === undefined) {
      return failed(
        { line: 1, column: 1 },
        "the file is empty; the smallest configuration has 'broker' (or 'mqtt'), 'switchers' and 'resources'",
      );
    }
    return { document: { value: unmark(raw), places: placesOf(map.root, spotAt) }, mistakes };
  } catch (error) {
    if (error instanceof YAMLException) {
      const line = lines[error.mark?.line ?? 0] ?? "";
      return failed(spotAt(error.mark?.position ?? 0), sayParseError(error.reason, line.trimEnd()));
    }
    throw error;
  }
}

const failed = (spot: Spot, message: string): Yaml => ({
  document: undefined,
  mistakes: [{ ...spot, path: "", message }],
});

// In `{ password: ${PW} }` YAML would take the inner braces for its own. While it reads, they are two characters of the same
// length from the private use area, so that `${...}` may stand unquoted anywhere and all positions stay true.
const open = "\u{E0F1}";
const close = "\u{E0F2}";

const unmarkText = (text: string): string => text.replaceAll(`$${open}`, () => "${").replaceAll(close, "}");

/** A copy of the value with `${...}` as it was written; shared parts (aliases) stay shared. */
function unmark(value: unknown, done = new Map<object, unknown>()): unknown {
  if (typeof value === "string") {
    return unmarkText(value);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const before = done.get(value);
  if (before !== undefined) {
    return before;
  }
  const copy = Array.isArray(value)
    ? value.map((item: unknown) => unmark(item, done))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [unmarkText(key), unmark(item, done)]));
  done.set(value, copy);
  return copy;
}

/** @returns false when the document cannot be used, for a reason among the map's mistakes */
function feed(map: PlaceMap, source: string, events: readonly Event[]): boolean {
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        map.open("document", 0, undefined);
        break;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        if (map.awaitsKey()) {
          map.mistake(event.start, "", "a mapping or a list cannot be a key; write a name");
          return false;
        }
        map.open(
          event.type === EVENT_ID.MAPPING ? "mapping" : "sequence",
          event.start,
          anchorOf(source, event),
        );
        break;
      case EVENT_ID.SCALAR:
        if (map.awaitsKey()) {
          const name = unmarkText(getScalarValue(source, event));
          const merge = name === "<<" && event.style === SCALAR_STYLE.PLAIN && event.tagStart === -1;
          map.key(name, scalarOffset(event), merge);
        } else {
          map.scalar(scalarOffset(event), anchorOf(source, event));
        }
        break;
      case EVENT_ID.ALIAS:
        if (map.awaitsKey()) {
          map.mistake(event.anchorStart - 1, "", "an alias cannot be a key; write the name");
          return false;
        }
        if (!map.alias(source.slice(event.anchorStart, event.anchorEnd), event.anchorStart - 1)) {
          return false;
        }
        break;
      case EVENT_ID.POP:
        map.close();
        break;
    }
  }
  return true;
}

const anchorOf = (
  source: string,
  event: { readonly anchorStart: number; readonly anchorEnd: number },
): string | undefined =>
  event.anchorStart === -1 ? undefined : source.slice(event.anchorStart, event.anchorEnd);

/** Where a scalar begins for a reader: at its quotes, not behind them. -1 for an empty one. */
function scalarOffset(event: { readonly valueStart: number; readonly style: number }): number {
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? event.valueStart - 1 : event.valueStart;
}
