// A worker for tests that answers `load` and `close`, and dies of anything else.

import { parentPort } from "node:worker_threads";

parentPort?.on(
  "message",
  ({ number, call }: { readonly number: number; readonly call: { readonly kind: string } }) => {
    if (call.kind === "commit") {
      throw new Error("struck by lightning");
    }
    parentPort?.postMessage({ number, ok: true, result: undefined }); // oxlint-disable-line unicorn/require-post-message-target-origin -- threads have no origin
    if (call.kind === "close") {
      parentPort?.close();
    }
  },
);
