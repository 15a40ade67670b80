// A process for tests with a store on a small disk, given as its argument: fills the disk with another file once the store is
// open, commits until three commits were refused, makes room again, and says whether everything that was acknowledged is there.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/adapters/store/store.ts";
import { StoreError } from "../../src/ports/store.ts";
import { someTime, someToken } from "./records.ts";

const disk = String(process.argv[2]);
const ballast = join(disk, "ballast");
const quiet = { debug: noLog, info: noLog, warn: noLog, error: noLog, fatal: noLog };
const store = await openStore(join(disk, "lastout.db"), { log: quiet });
fillDisk();
const acknowledged: string[] = [];
let refused = 0;
for (let number = 0; number < 200 && refused < 3; number += 1) {
  try {
    await store.commit([someToken(`token-${number}`)], someTime);
    acknowledged.push(`token-${number}`);
  } catch (error) {
    refused += 1;
    process.stdout.write(
      error instanceof StoreError ? `${error.code}: ${error.message}\n` : `${String(error)}\n`,
    );
  }
}
rmSync(ballast);
await store.commit([someToken("after")], someTime);
const there = new Set((await store.load()).snapshot.tokens.map(({ token }) => token));
await store.close();
const whole =
  refused === 3 &&
  [...acknowledged, "after"].every((token) => there.has(token)) &&
  there.size === acknowledged.length + 1;
process.stdout.write(
  whole
    ? "all there\n"
    : `lost: ${refused} refused, ${acknowledged.length} acknowledged, ${there.size} there\n`,
);

function fillDisk(): void {
  try {
    writeFileSync(ballast, Buffer.alloc(1_000_000));
  } catch {
    // That is what it is for: the file has taken all there was.
  }
}

function noLog(): void {
  // This process talks to its test over standard output only.
}
