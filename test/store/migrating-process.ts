// A process for tests that brings a store of version 1 up to the newest, and is killed when all is changed and nothing is committed.
// Argument: the store's path.

import { openDatabase } from "../../src/adapters/store/database.ts";
import { migrations } from "../../src/adapters/store/migrations.ts";

openDatabase(String(process.argv[2]), undefined, [
  ...migrations.slice(0, 1),
  (database, path) => {
    migrations[1]?.(database, path);
    process.stdout.write("changed\n");
    process.kill(process.pid, "SIGKILL");
  },
]);
process.stdout.write("committed\n");
