/**
 * The queries of dashboards and alerts, each run on a real Prometheus that scraped the running
 * system: a query of missing metrics would show nothing, and its alert would never fire.
 */
import { execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { parse } from "effect/encoding/Yaml"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newCustomer, until, wishOf } from "#tests/support/customer.ts"
import { type EmbeddedProcess, startEmbedded } from "#tests/support/embedded-process.ts"
import { freePort } from "#tests/support/free-port.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { programOnPath } from "#tests/support/program-on-path.ts"

const folder = join(import.meta.dirname, "../../compose/observability")
const alertsFile = join(folder, "alerts.yaml")
const run = promisify(execFile)
const programs = ["prometheus", "promtool"].map(programOnPath)
const missing = programs.includes(undefined)

interface Rule {
  readonly alert: string
  readonly expr: string
}

const rules = (parse(readFileSync(alertsFile, "utf8")) as {
  readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<Rule> }>
}).groups.flatMap(({ rules }) => rules)

interface Dashboard {
  readonly uid: string
  readonly panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }>
}

const dashboards = globSync("dashboards/*.json", { cwd: folder }).map((file) =>
  JSON.parse(readFileSync(join(folder, file), "utf8")) as Dashboard
)

/** An alert's query without its bound, which a healthy system does not exceed. */
const unbounded = ({ expr }: Rule) => expr.replace(/ [<>] [\d.]+$/, "")

const queries = [
  ...dashboards.flatMap(({ panels }) =>
    panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  ),
  ...rules.map(unbounded),
]

it("there are three dashboards, each with its own name", () => {
  expect(dashboards.map(({ uid }) => uid).toSorted())
    .toEqual(["unwind-queue", "unwind-sagas", "unwind-services"])
})

describe.skipIf(missing)(
  "with Prometheus (skipped if prometheus or promtool is not installed)",
  () => {
    const data = mkdtempSync(join(tmpdir(), "unwind-dashboards-"))
    let system: EmbeddedProcess
    let address: string
    let stop: () => Promise<unknown>

    const ask = async (query: string): Promise<ReadonlyArray<unknown>> => {
      const body = new URLSearchParams({ query })
      const response = await fetch(`${address}/api/v1/query`, { method: "POST", body })
      const { data, error } = await response.json() as {
        readonly data?: { readonly result: ReadonlyArray<unknown> }
        readonly error?: string
      }
      if (data === undefined) throw new Error(`${query}: ${error}`)
      return data.result
    }

    beforeAll(async () => {
      system = await startEmbedded({ DATA_DIR: join(data, "system"), QUEUE_URL: "memory:" })
      const port = await freePort()
      address = `http://127.0.0.1:${port}`
      const target = new URL(system.internalUrl).host
      writeFileSync(
        join(data, "prometheus.yaml"),
        JSON.stringify({
          rule_files: [alertsFile],
          scrape_configs: [{
            job_name: "unwind",
            scrape_interval: "1s",
            static_configs: [{ targets: [target] }],
          }],
        }),
      )
      const prometheus = spawn(programs[0]!, [
        `--config.file=${join(data, "prometheus.yaml")}`,
        `--storage.tsdb.path=${join(data, "prometheus")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ], { stdio: "ignore" })
      const ended = once(prometheus, "exit")
      stop = () => (prometheus.kill("SIGTERM"), ended)
      const customer = await newCustomer(() => system.baseUrl)
      for (let n = 0; n < 5; n++) await customer.tryToPlace(wishOf(n), randomUUID())
      const answers = async (query: string) =>
        await ask(query).then((result) => result.length > 0, () => false)
      // A rate exists from the second scrape on.
      await until(
        "everything is scraped twice",
        patienceMs,
        () => answers("rate(sagas_ended_total[1m])"),
      )
    })
    afterAll(async () => {
      await stop()
      await system.end("SIGTERM")
      rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    })

    it("finds data for each query of a dashboard and of an alert", async () => {
      expect(queries.length).toBeGreaterThan(30)
      let without = queries
      // Some look back in steps of a quarter of a minute.
      await until(`there is data for ${without}`, patienceMs, async () => {
        const found = await Promise.all(
          without.map(async (query) => [query, await ask(query)] as const),
        )
        without = found.filter(([, result]) => result.length === 0).map(([query]) => query)
        return without.length === 0
      })
    })

    it("raises no alert for a healthy system, and one if a bound is exceeded", async () => {
      const passed = await Promise.all(rules.map(({ expr }) => ask(expr)))
      expect(passed.flat()).toEqual([])
      const beyond = await ask(rules[0]!.expr.replace("> 0", ">= 0"))
      expect(beyond).toHaveLength(1)
      const silent = rules.find(({ alert }) => alert === "ServiceSilent")!
      expect(await ask(silent.expr.replace("> 300", "< 300"))).toEqual([
        expect.objectContaining({ metric: { service: "embedded" } }),
      ])
    })

    it("reads rules and metrics without warnings", async () => {
      const { stdout } = await run(programs[1]!, ["check", "rules", alertsFile])
      expect(stdout).toContain(`${rules.length} rules found`)
      const metrics = await (await fetch(`${system.internalUrl}/metrics`)).text()
      const checked = run(programs[1]!, ["check", "metrics"])
      checked.child.stdin!.end(metrics)
      expect((await checked).stderr).toBe("")
    })
  },
)
