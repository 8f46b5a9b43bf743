/**
 * Every test of the project, with one PostgreSQL and the means to start Redis for the whole run.
 */
import { join } from "node:path"
import { defineConfig } from "vitest/config"
import { testLimitMs } from "./tests/support/patience.ts"

// Programs that tests start load the same modules again and again: V8 need not compile them each
// time.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/compiled")

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/global-setup.ts"],
    setupFiles: ["tests/support/metrics-of-this-file.ts"],
    testTimeout: testLimitMs,
    hookTimeout: testLimitMs,
    pool: "forks",
    // Two more than a small machine has cores, since tests wait for timeouts and other programs.
    // All share the connections of one PostgreSQL.
    maxWorkers: 4,
    // Files that follow each other in a process share its modules, so no test changes what outlives
    // it. To start a process and load everything for each file took a sixth of the time.
    isolate: false,
  },
})
