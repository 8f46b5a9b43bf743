/**
 * `npm run e2e -- [--base-url URL]`: the end-to-end tests of the public API, against any running system, or against the
 * embedded one, which they then start.
 */
import { spawnSync } from "node:child_process"
import { parseArgs } from "node:util"

const usage =
  "Usage: npm run e2e -- [--base-url URL] (such as http://localhost:8080; without it a system is started)"

const baseUrl = (() => {
  try {
    const { values } = parseArgs({ options: { "base-url": { type: "string" } } })
    const url = values["base-url"]
    return url === undefined ? undefined : new URL(url).href.replace(/\/$/, "")
  } catch {
    console.error(usage)
    process.exit(2)
  }
})()

const vitest = ["node_modules/vitest/vitest.mjs", "run", "tests/e2e/api.test.ts"]
const { status } = spawnSync(process.execPath, vitest, {
  stdio: "inherit",
  env: { ...process.env, ...(baseUrl !== undefined && { E2E_BASE_URL: baseUrl }) },
})
process.exit(status ?? 1)
