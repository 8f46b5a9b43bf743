/** A service under `deno serve`: the file that Node and `deno run` start too, as a handler of requests. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serviceNames } from "#shared/roster.ts"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { freePort } from "#tests/proxies/programs.ts"
import { sendRaw } from "#tests/shared/http/raw.ts"
import { until } from "#tests/support/customer.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { environmentOf } from "#tests/support/service-process.ts"

const root = join(import.meta.dirname, "../../..")

const deno = (words: ReadonlyArray<string>, env: Readonly<Record<string, string | undefined>>) => {
  const child = spawn(join(root, "node_modules/.bin/deno"), words, {
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  const collect = (chunk: Buffer) => void (output += chunk)
  child.stdout.on("data", collect)
  child.stderr.on("data", collect)
  const ended = once(child, "close") as Promise<[number | null]>
  return { child, output: () => output, ended: async () => (await ended)[0] }
}

describe("deno serve services/items/main.ts", () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-deno-serve-"))
  let database: Awaited<ReturnType<typeof createDatabase>>
  let port: number
  let items: ReturnType<typeof deno>
  const environment = () =>
    environmentOf("items", {
      // Deno decides where it listens.
      port: 1,
      databaseUrl: database.url,
      queueUrl: "memory:",
      queueStream: "orders",
      keysFolder: folder,
      address: (name) => `http://${name}`,
    })
  const ask = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, init).catch(() => undefined)

  beforeAll(async () => {
    await generateServiceKeys(folder)
    database = await createDatabase("items")
    port = await freePort()
    items = deno(
      ["serve", "-A", "--host", "127.0.0.1", "--port", `${port}`, "services/items/main.ts"],
      environment(),
    )
    await until("it is ready", 60_000, async () => {
      if (items.child.exitCode !== null) throw new Error(items.output())
      return (await ask("/readyz"))?.status === 200
    })
  })
  afterAll(async () => {
    items?.child.kill("SIGKILL")
    await items?.ended()
    await database?.drop()
    rmSync(folder, { recursive: true })
  })

  it("answers as a service does", async () => {
    const metrics = await ask("/metrics")
    expect(metrics?.headers.get("content-type")).toMatch(/^text\/plain/)
    const unproved = await ask("/internal/reservations", { method: "POST", body: "{}" })
    expect(unproved?.status).toBe(401)
    expect((await ask("/nothing"))?.headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/)
  })

  it("lets no Host header and no dot segments reach another path", async () => {
    const raw = async (target: string, host: string) => {
      const request = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`
      return (await Effect.runPromise(sendRaw(port, request))).answer
    }
    for (const host of ["x/metrics?", "x/metrics#", "y@x/metrics?", "x\\metrics?"]) {
      const answer = await raw("/livez", host)
      expect(answer, host).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer, host).toContain('"code":"invalid_host"')
    }
    for (const path of ["/api/orders/../../metrics", "/api/%2e%2E/metrics"]) {
      expect(await raw(path, "x"), path).toContain('"code":"invalid_path"')
    }
    for (const host of ["x", "x:8084", "127.0.0.1:80", "[::1]:80", "items.unwind.svc"]) {
      expect(await raw("/livez", host), host).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  it("ends in order at SIGTERM", async () => {
    process.kill(items.child.pid!, "SIGTERM")
    expect(await items.ended()).toBe(0)
    expect(items.output()).not.toMatch(/error|warning/i)
  })
})

describe("services/*/main.ts", () => {
  it("says under `deno serve` which settings it lacks, and ends", async () => {
    const { output, ended } = deno(["serve", "-A", "--port", "0", "services/items/main.ts"], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
    })
    expect(await ended()).toBe(1)
    expect(output()).toContain("DATABASE_URL is missing")
    expect(output()).not.toMatch(/^ +at /m)
  })

  it("is no handler under `deno run`, which would warn of it", async () => {
    const port = await freePort()
    const { child, output, ended } = deno(["run", "-A", "tests/proxies/replica.ts"], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: `${port}`,
      DRAIN: "0 seconds",
    })
    await until(
      "it says that it listens",
      60_000,
      () => Promise.resolve(output().includes(`:${port}`)),
    )
    process.kill(child.pid!, "SIGTERM")
    expect(await ended()).toBe(0)
    expect(output()).not.toMatch(/warning/i)
  })

  it.each(serviceNames)("exports the handler of %s", (name) => {
    const main = readFileSync(join(root, `services/${name}/main.ts`), "utf8")
    expect(main).toContain(`export default run(${name})`)
  })
})
