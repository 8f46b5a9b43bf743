/**
 * Faults in running services: each is set while orders are placed, and no order is lost, half done
 * or doubled.
 */
import { Context, Duration, Effect, Exit, Layer, Scope, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { addressesWithin } from "#compose/embedded/elsewhere.ts"
import { checkSettings, wiredTo } from "#compose/embedded/services.ts"
import { Audit, auditLayer } from "#services/orchestrator/audit/audit.ts"
import { recordsLayer } from "#services/orchestrator/audit/records.ts"
import { urlsOf } from "#services/orchestrator/settings.ts"
import type { Recorded } from "#shared/contracts/audit.ts"
import { type FaultState, faultyServices } from "#shared/contracts/faults.ts"
import { Fetch } from "#shared/http/client.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import { type ServiceName, serviceNames } from "#shared/roster.ts"
import {
  type Customer,
  servedBy,
  type Services,
  startRunningServices,
  startRunningServicesWith,
} from "#tests/security/running-services.ts"
import { until, wishOf } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"

const scope = Scope.makeUnsafe()
let services: Services
let ada: Customer
let olga: Customer
let placed = 0

const signer = (name: "console" | "orchestrator") =>
  serviceSignerLayer(name, keyFiles(services.keysFolder).privateKey(name))

/** Sends a request as the console does for an operator. */
const ask = async <A>(service: ServiceName, path: string, body?: object): Promise<A> => {
  const token = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(
        Layer.build(signer("console")),
        (context) => Context.get(context, ServiceSigner).tokenFor(service),
      ),
    ),
  )
  const answer = await services.send(service, path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      [operatorHeader]: `Bearer ${olga.access}`,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  assert.isTrue(answer.ok, await answer.clone().text())
  return await answer.json() as A
}

const set = (service: ServiceName, faults: object) =>
  ask<FaultState>(service, "/internal/faults", { ...faults, reason: "to see what happens" })
const metOf = async (service: ServiceName) =>
  (await ask<FaultState>(service, "/internal/faults")).met

const shop = async <A>(path: string, body?: object) => {
  const answer = await services.send("orders", path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${ada.access}` },
    ...(body && { body: JSON.stringify(body) }),
  })
  return await answer.json() as A
}

/** Places orders of every kind; returns their ids. */
const place = async (count: number): Promise<ReadonlyArray<string>> =>
  await Promise.all(Array.from({ length: count }, async () => {
    const { id } = await shop<{ readonly id: string }>("/api/orders/", wishOf(placed++))
    return id
  }))

const final = (ids: ReadonlyArray<string>) =>
  until("all orders are final", patienceMs, async () => {
    const found = await Promise.all(
      ids.map((id) => shop<{ readonly success: boolean | null }>(`/api/orders/${id}`)),
    )
    return found.every(({ success }) => success !== null)
  })

/** The audit's result: orders that hold all or nothing, and its findings. */
const audit = () =>
  Effect.gen(function* () {
    const { orders, books } = yield* Audit
    const parts = yield* Stream.runCollect(Stream.concat(orders({}), books))
    return {
      findings: parts.flatMap(({ findings }) => findings),
      orders: parts.reduce((sum, { allHeld, noneHeld }) => sum + allHeld + noneHeld, 0),
    }
  }).pipe(
    Effect.provide(
      auditLayer({ deadline: Duration.minutes(2) }).pipe(
        Layer.provide(recordsLayer(urlsOf(addressesAsUrls))),
        Layer.provide(signer("orchestrator")),
      ),
    ),
    Effect.provideService(Fetch, wiredTo(services.apps)),
    Effect.runPromise,
  )
const addressesAsUrls = Object.fromEntries(
  Object.entries(addressesWithin({})).map(([name, address]) => [name, new URL(address)]),
) as Parameters<typeof urlsOf>[0]

beforeAll(async () => {
  services = await Effect.runPromise(Scope.provide(
    startRunningServicesWith({
      FAULTS: "1",
      CALL_TIMEOUT: "1 second",
      REPUBLISH_AFTER: "1 second",
    }),
    scope,
  ))
  olga = await services.operator()
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

// A customer with a full wallet, so that orders reach every step.
beforeEach(async () => {
  ada = await services.customer()
})

describe("a fault that is set", () => {
  const kinds = [
    [{ refusePercent: 50 }, "refused"],
    [{ delayMs: 50 }, "delayed"],
    [{ hangPercent: 50 }, "hung"],
    [{ dropPercent: 50 }, "dropped"],
  ] as const

  it.each(kinds)("affects requests of sagas, and loses no order: %o", async (faults, what) => {
    const before = await Promise.all(faultyServices.map(metOf))
    for (const service of faultyServices) assert.include(await set(service, faults), faults)
    const ids = [...await place(10)]
    await until("every service has applied the fault", patienceMs, async () => {
      const now = await Promise.all(faultyServices.map(metOf))
      if (now.every((met, n) => met[what] > before[n]![what])) return true
      ids.push(...await place(1))
      return false
    })
    for (const service of faultyServices) {
      assert.include(await set(service, {}), { ...none, until: null })
    }
    await final(ids)
    const { findings, orders } = await audit()
    assert.deepStrictEqual(findings, [])
    assert.isAtLeast(orders, ids.length)
  })

  it.each(
    [
      ["refused", { refusePercent: 100 }, []],
      ["hung", { hangPercent: 100 }, []],
      ["dropped", { dropPercent: 100 }, ["reserved"]],
    ] as const,
  )("lets the call take effect only if just the answer is lost: %s", async (what, fault, held) => {
    const before = (await metOf("slots"))[what]
    await set("slots", fault)
    const { id } = await shop<{ readonly id: string }>("/api/orders/", wishOf(0))
    await until("it is applied", patienceMs, async () => (await metOf("slots"))[what] > before)
    const { reservations } = await ask<{ readonly reservations: ReadonlyArray<Recorded> }>(
      "slots",
      "/internal/records",
      { orderIds: [id] },
    )
    await set("slots", {})
    await final([id])
    assert.deepStrictEqual(reservations.map(({ outcome }) => String(outcome)), [...held])
  })

  it("ends when it is removed, also for requests that hang", async () => {
    await set("items", { hangPercent: 100, seconds: 3_600 })
    const before = (await metOf("items")).hung
    const { id } = await shop<{ readonly id: string }>("/api/orders/", wishOf(0))
    await until("a request hangs", patienceMs, async () => (await metOf("items")).hung > before)
    await set("items", {})
    await final([id])
  })

  it("ends by itself", async () => {
    const { until: end } = await set("slots", { refusePercent: 100, seconds: 1 })
    assert.isAtMost(Date.parse(end!), Date.now() + 1_000)
    await until(
      "the fault has ended",
      patienceMs,
      async () => (await ask<FaultState>("slots", "/internal/faults")).until === null,
    )
    await final(await place(1))
  })

  const none = { refusePercent: 0, delayMs: 0, hangPercent: 0, dropPercent: 0 }
})

describe("an orchestrator that is killed", () => {
  it("goes on with its orders after its restart", async () => {
    await set("items", { refusePercent: 100 })
    const ids = await place(10)
    await until("sagas are under way", patienceMs, async () => (await metOf("items")).refused > 0)
    await ask("orchestrator", "/internal/kill", { reason: "to see what happens" })
    const ready = async () => (await services.send("orchestrator", "/readyz")).status === 200
    await until("the orchestrator is gone", patienceMs, async () => !await ready())
    await until("the orchestrator is back", patienceMs, ready)
    await set("items", {})
    await final(ids)
    assert.deepStrictEqual((await audit()).findings, [])
  })

  it("exits at once, and closes nothing", () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [..."Deno" in globalThis ? ["run", "-A"] : [], join(import.meta.dirname, "crashing.ts")],
      { encoding: "utf8" },
    )
    assert.deepStrictEqual([status, stdout], [137, "open\n"])
  })
})

describe("a queue that is wiped", () => {
  it("gets its orders again", async () => {
    await ask("orchestrator", "/internal/kill", { reason: "nobody takes orders for a second" })
    const ready = async () => (await services.send("orchestrator", "/readyz")).status === 200
    await until("the orchestrator is gone", patienceMs, async () => !await ready())
    const ids = await place(5)
    await until("the orchestrator is back", patienceMs, ready)
    await ask("orchestrator", "/internal/queue/wipe", { reason: "to see what happens" })
    await final(ids)
    assert.deepStrictEqual((await audit()).findings, [])
  })
})

const ofFaults = ["/internal/faults", "/internal/kill", "/internal/queue/wipe"]
const faultPaths = (of: Services) =>
  servedBy(of.apps).filter(({ path }) => ofFaults.includes(path)).map(({ service, method, path }) =>
    `${service}: ${method} ${path}`
  )

describe("where FAULTS is not 1", () => {
  it("no route can set a fault", async () => {
    const off = Scope.makeUnsafe()
    const harmless = await Effect.runPromise(Scope.provide(startRunningServices, off))
    try {
      assert.deepStrictEqual(faultPaths(harmless), [])
      for (const service of serviceNames) {
        for (const path of ofFaults) {
          for (const method of ["GET", "POST"]) {
            const { status } = await harmless.send(service, path, { method })
            assert.strictEqual(status, 404, `${service}: ${method} ${path}`)
          }
        }
      }
    } finally {
      await Effect.runPromise(Scope.close(off, Exit.void))
    }
    assert.strictEqual(faultPaths(services).length, 2 * faultyServices.length + 2)
  })

  it("or NODE_ENV is production, nothing starts, and the message says why", async () => {
    const started = (environment: Readonly<Record<string, string>>) =>
      Effect.runPromise(Effect.result(checkSettings(environment)))
    const refused = await started({ FAULTS: "1", NODE_ENV: "production" })
    assert.match(
      JSON.stringify(refused),
      /FAULTS is wrong: it cannot be 1 while NODE_ENV is production: set FAULTS to 0/,
    )
    for (const FAULTS of ["0", ""]) {
      assert.notInclude(JSON.stringify(await started({ FAULTS, NODE_ENV: "production" })), "wrong")
    }
    assert.notInclude(JSON.stringify(await started({ FAULTS: "1" })), "wrong")
    assert.match(JSON.stringify(await started({ FAULTS: "yes" })), /FAULTS is wrong: set it to 1/)
  })
})
