// The store on SQLite: durable records in one file that anybody can read with the sqlite3 tool. Here the
// lock and the thread that waits for the disk come together; the file itself is database.ts's.

import type { Log } from "../../ports/log.ts";
import type { Store } from "../../ports/store.ts";
import { lockStore } from "./lock.ts";
import { realPath } from "./store-path.ts";
import { supervise } from "./thread.ts";

export interface StoreParts {
  readonly log: Log;
}

/**
 * Lock, check, and if need be make or migrate the store.
 *
 * What it promises: a commit that resolved survives a crash of the process and, where the disk honours fsync, of the machine. Of a commit
 * that was refused because the disk failed it is known only after the next `load` whether it is there: all of it or nothing.
 * What it cannot see: a bit that flips in the write-ahead log, between a commit and the move into the main file, ends the log there
 * (https://www.sqlite.org/fileformat2.html, section 4.2), so that the commits after it are missing; everywhere else checksums tell.
 *
 * Instants are kept as they are, with the time of the last commit beside them. After a reboot the caller translates what it
 * loaded, and has to write every record again before or with its first other commit: the store keeps one timestamp for all.
 *
 * @throws StoreError
 */
export async function openStore(path: string, parts: StoreParts): Promise<Store> {
  const real = realPath(path);
  const lock = lockStore(real);
  // Built, the worker is JavaScript like this file; run from the sources, both are TypeScript.
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  const worker = supervise(real, new URL(file, import.meta.url));
  try {
    const { opened } = await worker.call({ kind: "open" });
    switch (opened.kind) {
      case "created":
        parts.log.info({ path: real }, "Made a new store");
        break;
      case "migrated":
        parts.log.info(
          { path: real, ...opened },
          "Brought the store to a newer version; the old one was copied",
        );
        break;
      case "found":
        break;
    }
  } catch (error) {
    await worker.close();
    lock.release();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    load: () => worker.call({ kind: "load" }),
    commit: (changes, written) => worker.call({ kind: "commit", changes, written }),
    close: () => {
      closing ??= worker.close().finally(() => lock.release());
      return closing;
    },
  };
}
