/** Every test of the project, with one PostgreSQL and the means to start Redis for the whole run. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"
import { testLimitMs } from "./tests/support/patience.ts"

// Every file of tests has a process of its own, which loads the same modules: V8 need not compile them each time. Programs
// that tests start inherit it.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/compiled")

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/global-setup.ts"],
    testTimeout: testLimitMs,
    hookTimeout: testLimitMs,
    pool: "forks",
    // A third one has work for a machine of two cores while the others wait; more would only wait for each other.
    maxWorkers: 3,
  },
})
