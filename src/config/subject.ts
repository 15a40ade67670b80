// What of a file with mistakes is right, so that the rules can look at that and all mistakes are told in one run.

import { nearestName } from "../core/names.ts";
import { type Finding, unworded } from "./explain.ts";
import { valueAt } from "./json-schema.ts";
import { type Path, pathText } from "./mistakes.ts";
import { type FileValues, fileSchema } from "./schema.ts";

/** What the rules look at. */
export interface Subject {
  readonly values: FileValues;
  /** Names as written, also of switchers, resources and pools whose own values are wrong. */
  readonly names: {
    readonly switchers: readonly string[];
    readonly resources: readonly string[];
    readonly pools: readonly string[];
  };
  /** What all resources name as their outlets, also of resources that are wrong otherwise. */
  readonly namedOutlets: readonly string[];
  /** True for a section, switcher, resource or pool that was left out of `values` because something in it is wrong. */
  readonly broken: (...path: Path) => boolean;
}

/** A section whose name is misspelt is wrong, not absent. */
const sections = Object.keys(fileSchema.shape);

/** With more than this, what the rules could add would not be shown any more, and taking the file apart would take its time. */
const mostFindings = 200;

/** What is right in a file with mistakes, so that the rules can look at that. `undefined` when nothing can be made of it. */
export function subjectOf(value: unknown, findings: readonly Finding[]): Subject | undefined {
  if (findings.length > mostFindings) {
    return undefined;
  }
  const removed = new Set<string>();
  let rest = value;
  for (const { path, message } of findings) {
    const unknownKey = message.startsWith("is not known here");
    const named = path[0] === "switchers" || path[0] === "resources" || path[0] === "pools";
    const unit = unknownKey ? path : path.slice(0, named ? 2 : 1);
    removed.add(
      unknownKey && path.length === 1 ? (nearestName(String(path[0]), sections) ?? "") : pathText(unit),
    );
    rest = without(rest, unit);
  }
  const parsed = fileSchema.safeParse(rest, unworded);
  if (!parsed.success) {
    return undefined;
  }
  const resources = namesIn(value, "resources");
  return {
    values: parsed.data,
    names: { switchers: namesIn(value, "switchers"), resources, pools: namesIn(value, "pools") },
    namedOutlets: resources.flatMap((name) => {
      const named = valueAt(value, ["resources", name, "switcher"]);
      return Array.isArray(named) ? named.map(String) : [String(named)];
    }),
    broken: (...path) => removed.has(pathText(path)),
  };
}

function without(value: unknown, [first, ...rest]: Path): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || first === undefined) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => rest.length > 0 || key !== String(first))
      .map(([key, item]) => [key, key === String(first) ? without(item, rest) : item]),
  );
}

function namesIn(value: unknown, section: string): readonly string[] {
  const found = valueAt(value, [section]);
  return typeof found === "object" && found !== null ? Object.keys(found) : [];
}
