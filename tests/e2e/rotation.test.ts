/**
 * The services' keys are changed by the commands of SECURITY.md: the old ones are refused, and no
 * order is lost.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { OrderView } from "#shared/contracts/order-state.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { callsOf, type ServiceName } from "#shared/roster.ts"
import { until } from "#tests/support/customer.ts"
import { startEmbedded } from "#tests/support/embedded-process.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { startSeparateServices } from "#tests/support/separate-services.ts"
import { commandsIn } from "./documented-commands.ts"

const root = join(import.meta.dirname, "../..")
const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

type Fetch = (path: string, init?: RequestInit) => Promise<Response>

const post = async (fetch: Fetch, path: string, body: unknown, headers = {}) => {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

/** Signs up, for which auth calls billing, and returns a function that places orders. */
const customer = async (fetch: Fetch, username: string) => {
  const user = { username, password: "a long enough secret" }
  const email = `${username}@example.com`
  expect(await post(fetch, "/api/auth/users/", { ...user, email })).toMatchObject({ status: 201 })
  const { body } = await post(fetch, "/api/token/", user)
  const headers = { authorization: `Bearer ${body.access}` }
  return {
    place: async (prefer: string) => {
      const wish = { amount: 1, item: 1, slot: "08:00" }
      const { status, body } = await post(fetch, "/api/orders/", wish, { ...headers, prefer })
      expect(status).toBe(201)
      return body as OrderView
    },
    order: async (id: string) => {
      return await (await fetch(`/api/orders/${id}`, { headers })).json() as OrderView
    },
  }
}

/** The document's line for this, with the folder of the test. */
const documented = (beginning: string, folder: string, own: string) => {
  const [command, ...more] = Object.values(commandsIn("SECURITY.md", beginning)).flat()
  expect(more).toEqual([])
  return command!.replaceAll(folder, own)
}

const inShell = (command: string) =>
  execFileSync("bash", ["-c", command], { cwd: root, encoding: "utf8" })

describe("the services' keys, changed as SECURITY.md says", () => {
  it("of six processes: the old ones are refused, and orders wait for the new ones", async () => {
    const system = await startSeparateServices("node")
    cleanUps.push(system.close)
    const restart = async (name: ServiceName) => {
      await system.end(name, "SIGTERM")
      await system.start(name)
    }
    const ada = await customer(system.fetch, "ada")
    expect(await ada.place("wait=20")).toMatchObject({ status: "completed" })
    const privateKey = keyFiles(system.keysFolder).privateKey("orchestrator")
    const before = readFileSync(privateKey, "utf8")

    inShell(documented("rm .keys/", ".keys", system.keysFolder))
    expect(readFileSync(privateKey, "utf8")).not.toBe(before)
    await Promise.all(callsOf("orchestrator").map(restart))
    // The orchestrator has its old key in memory, which the services refuse.
    const order = await ada.place("wait=0")
    await until(
      "the orchestrator is refused",
      patienceMs,
      () => Promise.resolve(/answered 401/.test(system.output("orchestrator"))),
    )
    expect(await ada.order(order.id)).toMatchObject({ status: "pending" })

    await Promise.all((["orchestrator", "auth"] as const).map(restart))
    await until(
      "the order is completed",
      patienceMs,
      async () => (await ada.order(order.id)).status === "completed",
    )
    await customer(system.fetch, "grace")
  })

  it("of npm start: the next start makes new ones, with which orders go on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "unwind-rotation-"))
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
    const dataDir = join(folder, "data")
    const privateKey = keyFiles(join(dataDir, "secrets")).privateKey("auth")
    const run = async (username: string) => {
      const started = await startEmbedded({ DATA_DIR: dataDir, QUEUE_URL: "memory:" })
      try {
        const { place } = await customer(
          (path, init) => fetch(started.baseUrl + path, init),
          username,
        )
        expect(await place("wait=20")).toMatchObject({ status: "completed" })
      } finally {
        await started.end("SIGTERM")
      }
      return readFileSync(privateKey, "utf8")
    }
    const before = await run("ada")
    inShell(documented("rm .data/", ".data", dataDir))
    expect(await run("grace")).not.toBe(before)
  })
})
