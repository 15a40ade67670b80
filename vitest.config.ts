import { defineConfig } from "vitest/config";
import { skipReport } from "./test/support/skip-report.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", skipReport()],
    // Tests over the wire wait for deadlines far more than they compute.
    maxConcurrency: 24,
    // `vitest run test/core --coverage`: what the core promises has no line that no test has seen.
    coverage: {
      include: ["src/core/**/*.ts"],
      thresholds: { lines: 100, branches: 100, functions: 100, statements: 100 },
    },
  },
});
