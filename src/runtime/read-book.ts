// The store's content as a running book, at a start. What the records mean is core/restart.ts; whose time they are in, time-base.ts.

import type { Book } from "../core/book.ts";
import { everything } from "../core/changes.ts";
import { openBook } from "../core/restart.ts";
import type { Settings } from "../core/settings.ts";
import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { adoptSnapshot } from "./time-base.ts";

/**
 * After another boot of the machine every record is written again in this boot's time, before anything else is: the store keeps one
 * timestamp for all of them.
 * @throws StoreError
 */
export async function readBook(settings: Settings, store: Store, clock: Clock, log: Log): Promise<Book> {
  const { snapshot, written } = await store.load();
  const adopted = adoptSnapshot(snapshot, written, clock);
  if (adopted.clock === "wall clock went backwards") {
    log.warn(
      {},
      "The wall clock reads earlier than when the store was last written; tokens keep the time that they had left",
    );
  }
  if (adopted.snapshot !== snapshot) {
    await store.commit(everything(adopted.snapshot), {
      at: clock.now(),
      wall: clock.wall(),
      boot: clock.boot,
    });
  }
  const now = clock.now();
  return openBook(settings, adopted.snapshot, now, millis(clock.wall() - now));
}
