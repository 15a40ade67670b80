// A process with a store of its own, for tests that kill it: commits token after token and prints each id when it is on the disk.
// Arguments: the store's path, how many, and whether to `end` then or to `stay` with the store open.

import { openStore } from "../../src/adapters/store/store.ts";
import { someTime, someToken } from "./records.ts";

const [, , path, count, then] = process.argv;
const quiet = { debug: noLog, info: noLog, warn: noLog, error: noLog, fatal: noLog };
try {
  const store = await openStore(String(path), { log: quiet });
  process.stdout.write("open\n");
  for (let number = 1; number <= Number(count); number += 1) {
    try {
      await store.commit([someToken(`token-${number}`)], someTime);
      process.stdout.write(`token-${number}\n`);
    } catch (error) {
      process.stdout.write(`${String(error)}\n`);
    }
  }
  process.stdout.write("done\n");
  if (then !== "stay") {
    await store.close();
  }
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
  process.exitCode = 1;
}

function noLog(): void {
  // This process talks to its test over standard output only.
}
