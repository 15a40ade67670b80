// Writes the reference: pages that are made whole, and regions of pages that are else written by hand. All of it comes from the schemas,
// registries and lists of the program, so that it cannot say anything else than the program does. `npm run reference`; a test fails
// when something is not up to date.

import { readFileSync, writeFileSync } from "node:fs";
import { configJsonSchema } from "../src/config/json-schema.ts";
import { checkersReference } from "./reference/checkers.ts";
import {
  errorList,
  errorTable,
  eventTable,
  exitTable,
  failureTable,
  problemList,
  problemTable,
} from "./reference/codes.ts";
import { configurationReference } from "./reference/configuration.ts";
import { withRegion } from "./reference/markdown.ts";
import { shutdownsReference } from "./reference/shutdowns.ts";
import { switchersReference } from "./reference/switchers.ts";
import { publishedTable, requestTable, userTopics } from "./reference/topics.ts";

export interface ReferencePage {
  /** From the root of the project. */
  readonly path: string;
  /** @param present what stands in the file now */
  readonly make: (present: string) => string;
}

export const referencePages: readonly ReferencePage[] = [
  whole("docs/configuration.md", configurationReference),
  whole("docs/switchers.md", switchersReference),
  whole("docs/checkers.md", checkersReference),
  whole("docs/shutdowns.md", shutdownsReference),
  whole("config/lastout.schema.json", () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`),
  regions("docs/errors.md", {
    "error codes": errorTable,
    "problem codes": problemTable,
    "command line codes": failureTable,
    "exit statuses": exitTable,
  }),
  regions("docs/command-line.md", { "exit statuses": exitTable }),
  regions("docs/mqtt.md", {
    "published topics": publishedTable,
    "request topics": requestTable,
    "topics with a user": userTopics,
    events: eventTable,
    "list of errors": errorList,
    "list of problems": problemList,
  }),
];

function whole(path: string, make: () => string): ReferencePage {
  return { path, make };
}

function regions(path: string, contents: Readonly<Record<string, () => string>>): ReferencePage {
  return {
    path,
    make: (present) =>
      Object.entries(contents).reduce((page, [name, make]) => withRegion(page, name, make()), present),
  };
}

export const referenceFile = (path: string): URL => new URL(`../${path}`, import.meta.url);

/** A page that is not there yet is empty. */
export function presentText(path: string): string {
  try {
    return readFileSync(referenceFile(path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return "";
    }
    throw error;
  }
}

if (import.meta.main) {
  for (const { path, make } of referencePages) {
    const present = presentText(path);
    const made = make(present);
    if (made !== present) {
      writeFileSync(referenceFile(path), made);
      console.log(path);
    }
  }
}
