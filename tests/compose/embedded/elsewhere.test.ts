/**
 * A service whose address is set: the embedded run does not start it, and calls it at that address,
 * as containers do.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import createClient from "postgres"
import { afterEach, describe, expect, it } from "vitest"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { runAudit } from "#tests/services/console/cli/audit/audit-process.ts"
import { newCustomer, until } from "#tests/support/customer.ts"
import { postgresOf, runEmbedded, startEmbedded } from "#tests/support/embedded-process.ts"
import { freePort } from "#tests/support/free-port.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const root = join(import.meta.dirname, "../../..")

const dataFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-elsewhere-"))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
  return join(folder, "data")
}

/** Items as a process of its own, with a database that outlives it. */
const startItems = (environment: Readonly<Record<string, string>>): ChildProcess => {
  const child = spawn(join(root, "node_modules/.bin/node"), ["services/items/main.ts"], {
    cwd: root,
    env: { PATH: process.env["PATH"], INTERNAL_HOST: "127.0.0.1", ...environment },
    stdio: "ignore",
  })
  cleanups.push(() => child.kill("SIGKILL"))
  return child
}

describe("npm start with items elsewhere", () => {
  it("keeps orders waiting while items is away, and names items everywhere", async () => {
    const DATA_DIR = dataFolder()
    const { url: databaseUrl, drop } = await createDatabase("items")
    cleanups.push(drop)
    const port = await freePort()
    const ITEMS_URL = `http://127.0.0.1:${port}`
    const system = await startEmbedded({ DATA_DIR, ITEMS_URL, QUEUE_URL: "memory:" })
    cleanups.push(() => system.end("SIGTERM"))
    expect(system.output()).toContain(`items    ${ITEMS_URL}/ (called there, not started`)
    expect(system.output()).not.toMatch(/starting .*\bitems\b/)
    const ready = async () => {
      const response = await fetch(`${system.internalUrl}/readyz`)
      const { services } = await response.json() as { services: Record<string, unknown> }
      return [response.status, services["items"]] as const
    }
    expect(await ready()).toEqual([503, {
      [`${ITEMS_URL}/`]: "items cannot be reached (ECONNREFUSED)",
    }])
    const sql = createClient(postgresOf(DATA_DIR), { max: 1 })
    expect(await sql`select from pg_database where datname = 'items'`).toHaveLength(0)
    await sql.end()

    const customer = await newCustomer(() => system.baseUrl)
    const place = async () =>
      await customer.tryToPlace({ amount: 1, item: 1, slot: "09:00" }, randomUUID()) ?? ""
    const statusOf = async (id: string) => (await customer.order(system.baseUrl, id)).status
    const isCompleted = (id: string) =>
      until("the order is completed", patienceMs, async () => await statusOf(id) === "completed")
    const whileAway = await place()
    const environment = {
      INTERNAL_PORT: String(port),
      DATABASE_URL: databaseUrl,
      SERVICE_PUBLIC_KEYS: keyFiles(join(DATA_DIR, "secrets")).publicKeys,
      JWKS_URL: `${system.internalUrl}/internal/jwks.json`,
    }
    const items = startItems(environment)
    await isCompleted(whileAway)
    expect(await ready()).toEqual([200, { database: "ok" }])

    items.kill("SIGKILL")
    await once(items, "close")
    const meanwhile = [await place(), await place()]
    expect(await Promise.all(meanwhile.map(statusOf))).toEqual(["pending", "pending"])
    startItems(environment)
    for (const id of meanwhile) await isCompleted(id)

    // The audit finds the address in the data folder, beside the run and without it.
    const running = await runAudit("node", { DATA_DIR })
    expect(running.output).toMatch(/held by all 3, by none 0[^]*Findings +none/)
    expect([running.code, running.errors]).toEqual([0, ""])
    await system.end("SIGTERM")
    const stopped = await runAudit("node", { DATA_DIR, ITEMS_URL: "http://127.0.0.1:1" })
    expect(stopped.output).toContain("items: items cannot be reached (ECONNREFUSED)")
    expect(stopped.code).toBe(2)
  })

  it("names wrong addresses, and those of services that must run here", async () => {
    const { code, output } = await runEmbedded({
      DATA_DIR: dataFolder(),
      ITEMS_URL: "localhost:9084",
      SLOTS_URL: "http://slots:9085?x=1",
      ORDERS_URL: "http://orders:9083",
      SLOT_CAPACITY: "many",
      BACKLOG_LIMIT: "many",
      PORT: "x",
    })
    expect(output).toMatch(/^5 settings are missing or invalid/)
    for (const name of ["ITEMS_URL", "SLOTS_URL", "BACKLOG_LIMIT", "PORT"]) {
      expect(output).toContain(`${name} is wrong: set it to`)
    }
    expect(output).toContain("ORDERS_URL is wrong: orders is started here.")
    expect(code).toBe(1)
  })
})
