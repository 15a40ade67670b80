import { defineConfig } from "vitest/config";
import { skipReport } from "./test/support/skip-report.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", skipReport()],
    // Default exports of CommonJS packages are what they are in Node.
    deps: { interopDefault: false },
    // Not five seconds: a machine that is busy with other things takes that for what is done in one.
    testTimeout: 20_000,
    // Tests over the wire wait for deadlines far more than they compute.
    maxConcurrency: 24,
    // One file for each core of a small machine; the runner's own choice for two cores is one.
    maxWorkers: 2,
    // Tests over the wire wait for real time; on a machine that is busy with other things one may be tried once more, and the run says so.
    retry: process.env["CI"] === undefined ? 0 : 1,
    // `npm test -- --coverage`: what the core promises has no line that no test has seen.
    coverage: {
      include: ["src/core/**/*.ts"],
      // Also where a test failed that may be tried again.
      reportOnFailure: true,
      thresholds: { lines: 100, branches: 100, functions: 100, statements: 100 },
    },
  },
});
