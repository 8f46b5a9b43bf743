/**
 * A service under `deno serve`: the file that Node and `deno run` start too, as a handler of
 * requests to the public port. It opens its internal port itself.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serviceNames } from "#shared/roster.ts"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { sendRaw } from "#tests/shared/http/raw.ts"
import { until } from "#tests/support/customer.ts"
import { freePorts } from "#tests/support/free-port.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { environmentOf, type Ports } from "#tests/support/service-process.ts"

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

describe("deno serve services/billing/main.ts", () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-deno-serve-"))
  let database: Awaited<ReturnType<typeof createDatabase>>
  let ports: Ports
  let billing: ReturnType<typeof deno>
  const environment = () =>
    environmentOf("billing", {
      // Deno chooses the public port.
      ports: { ...ports, public: 1 },
      databaseUrl: database.url,
      queueUrl: "memory:",
      queueStream: "orders",
      keysFolder: folder,
      address: (name) => `http://${name}`,
    })
  const ask = (door: keyof Ports, path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${ports[door]}${path}`, init).catch(() => undefined)

  beforeAll(async () => {
    await generateServiceKeys(folder)
    database = await createDatabase("billing")
    ports = await freePorts()
    billing = deno(
      [
        ...["serve", "-A", "--host", "127.0.0.1", "--port", `${ports.public}`],
        "services/billing/main.ts",
      ],
      environment(),
    )
    await until("it is ready", 60_000, async () => {
      if (billing.child.exitCode !== null) throw new Error(billing.output())
      return (await ask("internal", "/readyz"))?.status === 200
    })
  })
  afterAll(async () => {
    billing?.child.kill("SIGKILL")
    await billing?.ended()
    await database?.drop()
    rmSync(folder, { recursive: true })
  })

  it("answers as a service does, each port with its own routes", async () => {
    const metrics = await ask("internal", "/metrics")
    expect(metrics?.headers.get("content-type")).toMatch(/^text\/plain/)
    const post = { method: "POST", body: "{}" }
    expect((await ask("internal", "/internal/reservations", post))?.status).toBe(401)
    expect((await ask("public", "/internal/reservations", post))?.status).toBe(404)
    expect((await ask("public", "/metrics"))?.status).toBe(404)
    expect((await ask("public", "/api/accounts/ann"))?.status).toBe(401)
    expect((await ask("public", "/nothing"))?.headers.get("x-request-id")).toMatch(
      /^[\da-f-]{36}$/,
    )
  })

  it("lets no Host header and no dot segments reach another path", async () => {
    const raw = async (target: string, host: string) => {
      const request = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`
      return (await Effect.runPromise(sendRaw(ports.public, request))).answer
    }
    const document = "/openapi/billing.json"
    for (const host of [`x${document}?`, `x${document}#`, `y@x${document}?`, "x\\openapi?"]) {
      const answer = await raw("/nothing", host)
      expect(answer, host).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer, host).toContain('"code":"invalid_host"')
    }
    for (const path of ["/api/accounts/../../openapi/billing.json", "/api/%2e%2E/openapi"]) {
      expect(await raw(path, "x"), path).toContain('"code":"invalid_path"')
    }
    for (const host of ["x", "x:8082", "127.0.0.1:80", "[::1]:80", "billing.unwind.svc"]) {
      expect(await raw(document, host), host).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  it("refuses two headers where one is allowed", async () => {
    const raw = async (headers: string) => {
      const head = `GET /openapi/billing.json HTTP/1.1\r\n${headers}connection: close\r\n\r\n`
      return (await Effect.runPromise(sendRaw(ports.public, head))).answer
    }
    expect(await raw("host: x\r\nhost: x\r\n")).toMatch(/^HTTP\/1\.1 400 /)
    const keys = await raw("host: x\r\nidempotency-key: a\r\nidempotency-key: b\r\n")
    expect(keys).toMatch(/^HTTP\/1\.1 400 /)
    expect(keys).toContain('"code":"duplicate_header"')
    const one = await raw("host: x\r\nidempotency-key: a\r\nx-forwarded-proto: https\r\n")
    expect(one).toMatch(/^HTTP\/1\.1 200 /)
    expect(one).toContain("x-content-type-options: nosniff")
    expect(one).not.toContain("strict-transport-security")
  })

  it("ends in order at SIGTERM", async () => {
    process.kill(billing.child.pid!, "SIGTERM")
    expect(await billing.ended()).toBe(0)
    expect(billing.output()).not.toMatch(/error|warning/i)
  })
})

describe("services/*/main.ts", () => {
  it("says under `deno serve` which settings are missing, and ends", async () => {
    const { output, ended } = deno(["serve", "-A", "--port", "0", "services/billing/main.ts"], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
    })
    expect(await ended()).toBe(1)
    expect(output()).toContain("DATABASE_URL is missing")
    expect(output()).not.toMatch(/^ +at /m)
  })

  it("says under `deno serve` how to start it, if it has nothing for the public", async () => {
    const { output, ended } = deno(["serve", "-A", "--port", "0", "services/items/main.ts"], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
    })
    expect(await ended()).toBe(1)
    expect(output()).toContain("start it with `deno run -A services/items/main.ts`\n")
    expect(output()).not.toMatch(/^ +at |DATABASE_URL/m)
  })

  it("is no handler under `deno run`, which would warn about it", async () => {
    const ports = await freePorts()
    const { child, output, ended } = deno(["run", "-A", "tests/proxies/replica.ts"], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: `${ports.public}`,
      INTERNAL_PORT: `${ports.internal}`,
      DRAIN: "0 seconds",
    })
    await until(
      "it says that it listens",
      60_000,
      () => Promise.resolve(output().includes(`:${ports.internal}`)),
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
