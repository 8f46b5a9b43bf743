/**
 * `npm run e2e -- [--base-url URL]`: the end-to-end tests of the public API, against any running
 * system, or against the embedded one, which they then start.
 */
import { spawnSync } from "node:child_process"
import { optionsOf } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { urlOf } from "#shared/command/values.ts"

const e2eSyntax = syntax({
  call: "npm run e2e",
  usage: "[-- --base-url URL]",
  about: "The end-to-end tests of the public API, against a running system.",
  options: {
    "base-url": {
      type: "string",
      value: "URL",
      says: "such as http://localhost:8080; without it a system is started",
    },
  },
  closing: "Exits with 0 when they pass, and with 2 when an option is wrong.",
  read: ({ "base-url": url }) =>
    url === undefined ? {} : { E2E_BASE_URL: urlOf("--base-url", url) },
})

const options = optionsOf(e2eSyntax, process.argv.slice(2))
if (options !== undefined) {
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "tests/e2e/api.test.ts"]
  const { status } = spawnSync(process.execPath, vitest, {
    stdio: "inherit",
    env: { ...process.env, ...options.given },
  })
  process.exitCode = status ?? 1
}
