/**
 * A flood of sign-ups at auth as a process of its own, with real hashes, over 200 connections from
 * one address. A trusted proxy reports the addresses. No limit on sign-ups helps here: the queues
 * alone must protect other users.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { freePort } from "#tests/instruments/chaos/ports.ts"
import { until } from "#tests/support/customer.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs, underLoad } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { environmentOf } from "#tests/support/service-process.ts"
import { Effect } from "effect"

const root = join(import.meta.dirname, "../../..")
const victim = { username: "victim", password: "correct horse battery" }
const close: Array<() => unknown> = []
let baseUrl: string

/** A billing that opens every account. */
const billing = async (): Promise<Server> => {
  const server = createServer((request, response) => {
    let text = ""
    request.on("data", (chunk) => text += chunk)
    request.on("end", () => {
      response.writeHead(201, { "content-type": "application/json" })
      response.end(JSON.stringify({ ...(text && JSON.parse(text)), wallet: 100 }))
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}

const startAuth = async () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-flood-"))
  await generateServiceKeys(folder)
  const database = await createDatabase("auth")
  const accounts = await billing()
  const ports = {
    public: await Effect.runPromise(freePort),
    internal: await Effect.runPromise(freePort),
  }
  const runtime = "Deno" in globalThis ? "deno" : "node"
  const words = runtime === "deno" ? ["run", "-A"] : []
  const child = spawn(
    join(root, "node_modules/.bin", runtime),
    [...words, "services/auth/main.ts"],
    {
      cwd: root,
      stdio: "ignore",
      env: {
        ...environmentOf("auth", {
          ports,
          databaseUrl: database.url,
          queueUrl: "memory:",
          queueStream: "none",
          keysFolder: folder,
          address: () => `http://127.0.0.1:${(accounts.address() as AddressInfo).port}`,
        }),
        TRUST_PROXY: "true",
      },
    },
  )
  close.push(
    async () => {
      child.kill("SIGKILL")
      await once(child, "close")
    },
    () => accounts.closeAllConnections(),
    () => accounts.close(),
    database.drop,
    () => rmSync(folder, { recursive: true }),
  )
  baseUrl = `http://127.0.0.1:${ports.public}`
  await until(
    "auth is ready",
    patienceMs,
    () => fetch(`http://127.0.0.1:${ports.internal}/readyz`).then(({ ok }) => ok, () => false),
  )
}

const post = async (path: string, address: string, body: unknown) => {
  const response = await fetch(baseUrl + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": address },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() as { refresh: string } }
}

/** Asserts that the answer is a success and comes within two seconds. */
const inTime = async (asked: ReturnType<typeof post>) => {
  const startedAt = performance.now()
  const answer = await asked
  assert.strictEqual(answer.status, 200)
  assert.isBelow(performance.now() - startedAt, underLoad(2_000))
  return answer
}

beforeAll(startAuth)
afterAll(async () => {
  for (const end of close) await end()
})

describe("a flood of sign-ups", () => {
  it("lets a victim log in and refresh within two seconds, each time", async () => {
    const email = "victim@example.org"
    assert.strictEqual(
      (await post("/api/auth/users/", "198.51.100.1", { ...victim, email })).status,
      201,
    )
    let over = false
    let made = 0
    const flood = Array.from({ length: 200 }, async (_, connection) => {
      for (let n = 0; !over; n++) {
        const username = `flood-${connection}-${n}`
        const user = { username, password: "correct horse battery", email }
        if ((await post("/api/auth/users/", "203.0.113.1", user)).status === 201) made++
      }
    })
    try {
      await until("the flood has begun", patienceMs, () => Promise.resolve(made > 10))
      for (let n = 0; n < atLength(10, 40); n++) {
        const address = `198.51.100.${n}`
        const loggedIn = await inTime(post("/api/token/", address, victim))
        const { refresh } = loggedIn.body
        await inTime(post("/api/token/refresh/", address, { refresh }))
      }
    } finally {
      over = true
      await Promise.allSettled(flood)
    }
    assert.isAbove(made, 10)
  })
})
