// The licences of packages whose code is part of the program: each of them wants to be told wherever its code goes.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";

const about = z.object({ name: z.string(), version: z.string(), license: z.string().optional() });

const head = "Parts of this program are the work of others. Their packages, versions and licences:\n";

/** @param modules paths of everything that went into the program @throws for a package that says nothing about its licence */
export function thirdParties(modules: readonly string[]): string {
  const folders = new Set(modules.flatMap(packageFolder));
  return [head, ...[...folders].toSorted().map(notice)].join(`\n${"-".repeat(80)}\n\n`);
}

/** `/x/node_modules/a/lib/b.js` to `/x/node_modules/a`. */
function packageFolder(module: string): readonly string[] {
  const folder = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
  return folder === undefined ? [] : [folder];
}

function notice(folder: string): string {
  const { name, version, license } = about.parse(
    JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
  );
  const file = readdirSync(folder).find((one) => /^licen[cs]e(\.md|\.txt)?$/i.test(one));
  if (file === undefined && license === undefined) {
    throw new Error(`${dirname(folder)}: ${name} says nothing about its licence`);
  }
  const text = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  return `${name} ${version} (${license ?? "see below"})\n${text}`;
}
