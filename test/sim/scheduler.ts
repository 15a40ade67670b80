// The only thing that moves time in a simulation: actions in the order of their moments, and nothing between them.
//
// Why this is deterministic although the loop under test is made of promises: every promise that the loop waits for is resolved by
// an action of this scheduler, or at once. So after an action all that can still run is in the microtask queue. `process.nextTick`,
// asked for within a microtask, calls back only when that queue is empty (Node documentation, "process.nextTick": both queues
// are drained before anything else), so `settle` returns exactly when the program can do nothing more before the next action. No timer
// and no I/O exists in a run; the order of microtasks is fixed by the language.

export interface Scheduler {
  /** True time in milliseconds, which no clock in the simulation shows. */
  readonly now: number;
  after(ms: number, run: () => void): Task;
  /** Carries out everything up to this moment, and stands there. */
  runUntil(moment: number): Promise<void>;
  /** Ends `runUntil` after the present action. */
  stop(): void;
}

export interface Task {
  cancel(): void;
}

interface Entry extends Task {
  readonly when: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export function createScheduler(): Scheduler {
  const heap: Entry[] = [];
  let now = 0;
  let order = 0;
  let stopped = false;

  return {
    get now() {
      return now;
    },
    after(ms, run) {
      order += 1;
      const entry: Entry = {
        when: now + Math.max(0, Math.ceil(ms)),
        order,
        run,
        cancel() {
          entry.run = undefined;
        },
      };
      push(heap, entry);
      return entry;
    },
    async runUntil(moment) {
      await settle();
      for (let first = heap[0]; first !== undefined && first.when <= moment; first = heap[0]) {
        if (stopped) {
          return;
        }
        pop(heap);
        if (first.run !== undefined) {
          now = first.when;
          first.run();
          await settle();
        }
      }
      now = moment;
    },
    stop() {
      stopped = true;
    },
  };
}

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    process.nextTick(resolve);
  });

const isBefore = (a: Entry, b: Entry): boolean => a.when < b.when || (a.when === b.when && a.order < b.order);

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  for (;;) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (index === 0 || parent === undefined || isBefore(parent, entry)) {
      heap[index] = entry;
      return;
    }
    heap[index] = parent;
    index = above;
  }
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) {
    return;
  }
  let index = 0;
  for (;;) {
    const left = heap[index * 2 + 1];
    const right = heap[index * 2 + 2];
    const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
    if (child === undefined || isBefore(last, child)) {
      heap[index] = last;
      return;
    }
    heap[index] = child;
    index = child === left ? index * 2 + 1 : index * 2 + 2;
  }
}
