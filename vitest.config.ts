import { defineConfig } from "vitest/config";
import { skipReport } from "./test/support/skip-report.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", skipReport()],
    // Tests over the wire wait for deadlines far more than they compute.
    maxConcurrency: 24,
  },
});
