/** Every test of the project, with one PostgreSQL and the means to start Redis for the whole run. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Two at a time is what a two-core machine runs without starving the servers under test.
    maxWorkers: 2,
  },
})
