/**
 * The files that an order visits on its way from the request to the decision, as counted by V8,
 * compared with the page about it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { newCustomer, until } from "#tests/support/customer.ts"
import { startEmbedded } from "#tests/support/embedded-process.ts"
import { patienceMs } from "#tests/support/patience.ts"

const root = join(import.meta.dirname, "../..")

/**
 * What the process does in the background, at any time: it reads auth's keys, opens connections,
 * and counts.
 */
const background = [
  "services/auth/app.ts",
  "services/auth/key-store.ts",
  "services/auth/signing-keys.ts",
  "shared/security/trust-of-auth.ts",
  "shared/postgres/tls.ts",
  "services/orders/counts.ts",
  "services/orders/ends.ts",
  "services/orders/look-ups.ts",
  "services/orders/sweeper.ts",
  "services/orders/upkeep.ts",
  "shared/postgres/listener.ts",
  "shared/postgres/session.ts",
  "shared/queue/memory-desk.ts",
  "shared/queue/queue-watch.ts",
  "shared/telemetry/event-loop.ts",
]

interface Coverage {
  readonly url: string
  readonly functions: ReadonlyArray<{ readonly ranges: readonly [{ readonly count: number }] }>
}

const visitedIn = (file: string): ReadonlyArray<string> =>
  (JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<Coverage>)
    .filter(({ url, functions }) =>
      url.startsWith(pathToFileURL(root).href) && !/\/(?:node_modules|tests)\//.test(url) &&
      functions.some(({ ranges: [{ count }] }) => count > 0)
    )
    .map(({ url }) => fileURLToPath(url).slice(root.length + 1).replaceAll("\\", "/"))

it.skipIf("Deno" in globalThis)(
  "an order visits the files that docs/architecture.md lists, and no others",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "unwind-visited-"))
    const file = join(folder, "coverage.json")
    const system = await startEmbedded({
      DATA_DIR: join(folder, "data"),
      QUEUE_URL: "memory:",
      NODE_OPTIONS: `--import ${
        pathToFileURL(join(import.meta.dirname, "coverage-agent.ts")).href
      }`,
      COVERAGE_FILE: file,
    })
    try {
      const customer = await newCustomer(() => system.baseUrl)
      const place = async () => {
        const answer = await fetch(`${system.baseUrl}/api/orders/`, {
          method: "POST",
          headers: { ...customer.headers, prefer: "wait=30" },
          body: JSON.stringify({ amount: 1, item: 1, slot: "09:00" }),
        })
        expect(await answer.json()).toMatchObject({ status: "completed" })
      }
      const toggle = async (sign: string) => {
        process.kill(system.pid, "SIGUSR2")
        await until("coverage is toggled", patienceMs, () => Promise.resolve(existsSync(sign)))
      }
      await place()
      await toggle(`${file}.on`)
      await place()
      await toggle(file)
      const page = readFileSync(join(root, "docs/architecture.md"), "utf8")
      const listed = [...page.matchAll(/^\|[^|]*\| `([\w./-]+)` +\|/gm)].map(([, path]) => path!)
      const visited = visitedIn(file).filter((path) => !background.includes(path))
      expect(visited.toSorted()).toEqual(listed.toSorted())
    } finally {
      await system.end("SIGTERM")
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  },
)
