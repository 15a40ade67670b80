// For tests that run commands as real processes: before each test a broker with a controller of the test's own, and after it nothing is left.

import { afterEach, beforeEach, vi } from "vitest";
import { type FakeController, type FakeOptions, startFakeController } from "./fake-controller.ts";
import { endAll } from "./processes.ts";

export interface Surroundings {
  /** That of the test which runs now. */
  readonly fake: FakeController;
  /** Commands find it by this, as the user `ci`. */
  readonly env: () => Record<string, string>;
}

export function eachWithController(options?: FakeOptions): Surroundings {
  // Processes start slowly on a machine that is busy.
  vi.setConfig({ testTimeout: 30_000 });
  let current: FakeController | undefined;

  function fake(): FakeController {
    if (current === undefined) {
      throw new Error("there is a controller only while a test runs");
    }
    return current;
  }

  beforeEach(async () => {
    current = await startFakeController(options);
  });

  afterEach(async () => {
    endAll();
    await current?.close();
  });

  return {
    get fake() {
      return fake();
    },
    env: () => ({ LASTOUT_URL: fake().url, LASTOUT_USERNAME: "ci" }),
  };
}
