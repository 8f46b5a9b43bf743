/** The overview, with all services available and with each one unavailable. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { callsOf, serviceNames } from "#shared/roster.ts"
import { hangs, isDown, type RunningConsole, soon, startConsole } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
})
afterEach(() => console_.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const others = callsOf("console")

describe("the overview", () => {
  it("shows the state of all services, and their data", async () => {
    const id = await console_.place()
    await soon("the order is final", async () => await console_.statusOf(id) === "completed")
    await soon(
      "the order is counted",
      async () => (await console_.ask("overview")).body.orders.completed > 0,
    )
    const { status, body } = await console_.ask("overview")
    assert.strictEqual(status, 200)
    assert.sameMembers(body.services.map(({ service }: { service: string }) => service), [
      ...serviceNames,
    ])
    for (const { state } of body.services) assert.strictEqual(state, "ready")
    assert.deepStrictEqual(body.unavailable, [])
    assert.deepInclude(body.queue, { deadLetters: 0 })
    assert.deepStrictEqual(body.stuck, { groups: 0, orders: 0 })
    assert.isAtLeast(body.batches.waves, 1)
    assert.isAtLeast(body.batches.orders, body.batches.waves)
    assert.include(["sound", "unknown"], body.audit.verdict)
    assert.notProperty(body.audit, "findings")
    assert.isAtMost(Math.abs(Date.parse(body.at) - Date.now()), 60_000)
  })

  it.each(others)("says that %s is unavailable, and shows the rest", async (service) => {
    // Like a running console, this one has read auth's keys before: they verify operators.
    assert.strictEqual((await console_.ask("overview")).status, 200)
    console_.disturb(service, isDown)
    const { status, body } = await console_.ask("overview")
    assert.strictEqual(status, 200)
    for (const one of body.services) {
      assert.strictEqual(one.state, one.service === service ? "unreachable" : "ready", one.service)
    }
    const message = body.services.find((one: { service: string }) =>
      one.service === service
    ).message
    assert.include(message, service)
    const hasData = service === "orchestrator" || service === "orders"
    assert.deepStrictEqual(
      body.unavailable.map((one: { service: string }) => one.service),
      hasData ? [service] : [],
    )
    const isNull = (name: string) => body[name] === null
    const ofOrchestrator = ["queue", "stuck", "audit", "batches"]
    assert.strictEqual(ofOrchestrator.every(isNull), service === "orchestrator")
    assert.strictEqual(isNull("orders"), service === "orders")
  })

  it("says why a service is not ready", async () => {
    console_.disturb(
      "items",
      (answer, request) =>
        new URL(request.url).pathname === "/readyz"
          ? Promise.resolve(Response.json({
            status: "not ready",
            service: "items",
            checks: { database: "it cannot be reached", clocks: "ok" },
          }, { status: 503 }))
          : answer(),
    )
    const { body } = await console_.ask("overview")
    assert.deepInclude(body.services, {
      service: "items",
      state: "not ready",
      message: "database: it cannot be reached",
    })
  })

  it("waits only until the timeout for a service that hangs", async () => {
    console_.disturb("orchestrator", hangs)
    const { status, body } = await console_.ask("overview")
    assert.strictEqual(status, 200)
    assert.isNull(body.queue)
    assert.isNotNull(body.orders)
    assert.match(body.unavailable[0].message, /did not answer within \d+ ms/)
  })
})
