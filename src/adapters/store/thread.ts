// The store's worker thread, seen from the program: every call has an outcome, also when the thread dies. Not what the calls do.

import { Worker } from "node:worker_threads";
import { StoreError } from "../../ports/store.ts";
import { explain } from "./explain.ts";
import type { Answer, Call, Result, Task } from "./worker.ts";

export interface Supervised {
  call<Kind extends Call["kind"]>(call: Extract<Call, { kind: Kind }>): Promise<Result[Kind]>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: StoreError) => void;
}

/** A worker that is started at the first call, and again at the next call if it died. Every call has an outcome. */
export function supervise(path: string, file: URL): Supervised {
  const pending = new Map<number, Pending>();
  let identity: string | undefined;
  let worker: Worker | undefined;
  let lastNumber = 0;
  let closed = false;

  return {
    call: send,
    close: async () => {
      closed = true;
      const last = worker;
      if (last !== undefined) {
        const exited = new Promise<void>((done) => last.once("exit", () => done()));
        post(last, { kind: "close" }, { resolve: () => undefined, reject: () => undefined });
        await exited;
      }
    },
  };

  function send<Kind extends Call["kind"]>(call: Extract<Call, { kind: Kind }>): Promise<Result[Kind]> {
    return new Promise((done, reject) => {
      if (closed) {
        reject(new StoreError("refused", `the store ${path} is closed`));
        return;
      }
      try {
        worker ??= start();
        post(worker, call, { resolve: done, reject });
      } catch (error) {
        reject(explain(error, path));
      }
    });
  }

  function post(to: Worker, call: Call, outcome: Pending): void {
    lastNumber += 1;
    to.postMessage({ number: lastNumber, call }); // oxlint-disable-line unicorn/require-post-message-target-origin -- threads have no origin
    pending.set(lastNumber, outcome);
  }

  function start(): Worker {
    const task: Task = { path, identity };
    const started = new Worker(file, { workerData: task });
    let cause: unknown;
    started.on("message", settle);
    started.on("error", (error) => {
      cause = error; // `exit` follows.
    });
    started.on("exit", () => {
      worker = undefined;
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      for (const { reject } of pending.values()) {
        reject(new StoreError("refused", `the thread that writes the store ${path} ended${why}`, { cause }));
      }
      pending.clear();
    });
    return started;
  }

  function settle(answer: Answer): void {
    const call = pending.get(answer.number);
    pending.delete(answer.number);
    if (!answer.ok) {
      call?.reject(new StoreError(answer.code, answer.message));
      return;
    }
    if (answer.result !== undefined && "identity" in answer.result) {
      identity = answer.result.identity;
    }
    // The worker answers each call with the result of its kind, and the number is that of the call.
    call?.resolve(answer.result as never); // oxlint-disable-line typescript/no-unsafe-type-assertion -- see above
  }
}
