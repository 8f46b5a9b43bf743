/** Faults through the console: set, met, cleared, recorded in the trail, with the promises. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { FaultsShown } from "#shared/contracts/console-faults.ts"
import { faultyServices } from "#shared/contracts/faults.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { type RunningConsole, startConsole, startConsoleWith } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(
    startConsoleWith({ FAULTS: "1", REPUBLISH_AFTER: "1 second", AUDIT_EVERY: "1 second" }),
    scope,
  ))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const shown = async (): Promise<FaultsShown> => (await console_.ask("faults")).body
const faultsOf = async (service: string) =>
  (await shown()).services.find((one) => one.service === service)?.faults
const ended = (id: string) =>
  until(
    "the order is final",
    patienceMs,
    async () => ["completed", "failed"].includes(await console_.statusOf(id)),
  )

describe("a fault", () => {
  it.each(faultyServices)("is set and cleared by an operator at %s", async (service) => {
    const why = crypto.randomUUID()
    const set = await console_.ask(`faults/${service}`, {
      body: { refusePercent: 100, seconds: 600, reason: why },
    })
    assert.deepInclude(set, { status: 200 })
    assert.include(set.body, { refusePercent: 100, dropPercent: 0 })
    assert.deepStrictEqual(await faultsOf(service), set.body)
    const id = await console_.place()
    await until(
      "a request meets the fault",
      patienceMs,
      async () => (await faultsOf(service))!.met.refused > set.body.met.refused,
    )
    const { promises, unfinished } = await shown()
    assert.isNull(promises.find((one) => one.id === "I12")?.holds)
    assert.isAtLeast(unfinished!, 0)
    assert.strictEqual(
      (await console_.ask(`faults/${service}`, { body: { reason: why } })).status,
      200,
    )
    assert.isNull((await faultsOf(service))!.until)
    await ended(id)
    assert.deepStrictEqual(
      (await console_.trail()).filter((entry) => entry.why === why)
        .map(({ event, target, outcome }) => [event, target, outcome]),
      Array(2).fill(["faults-set", service, "done"]),
    )
  })

  it("is refused when it is invalid, without a reason, and to customers", async () => {
    for (const body of [{ refusePercent: 101, reason: "x" }, { surprise: 1, reason: "x" }, {}]) {
      assert.strictEqual((await console_.ask("faults/items", { body })).status, 400)
    }
    for (const service of ["auth", "orchestrator", "console", "nobody"]) {
      assert.strictEqual(
        (await console_.ask(`faults/${service}`, { body: { reason: "x" } })).status,
        400,
      )
    }
    assert.strictEqual(
      (await console_.ask("faults/items", { body: { reason: "x" }, by: console_.ann.access }))
        .status,
      403,
    )
  })
})

describe("an orchestrator that is killed, and a queue that is wiped", () => {
  it("lose no order, and are recorded in the trail", async () => {
    const why = crypto.randomUUID()
    await console_.ask("faults/slots", { body: { refusePercent: 100, reason: why } })
    const id = await console_.place()
    const killed = await console_.ask("orchestrator/kill", { body: { reason: why } })
    assert.strictEqual(killed.status, 202)
    const stateOf = async (service: string) =>
      (await console_.ask("overview")).body.services
        .find((one: { readonly service: string }) => one.service === service).state
    await until(
      "the orchestrator is gone",
      patienceMs,
      async () => await stateOf("orchestrator") !== "ready",
    )
    await until(
      "the orchestrator is back",
      patienceMs,
      async () => await stateOf("orchestrator") === "ready",
    )
    const wiped = await console_.ask("queue/wipe", { body: { reason: why } })
    assert.strictEqual(wiped.status, 200)
    assert.hasAllKeys(wiped.body, ["entries", "deadLetters"])
    await console_.ask("faults/slots", { body: { reason: why } })
    await ended(id)
    assert.includeDeepMembers(
      (await console_.trail()).filter((entry) => entry.why === why)
        .map(({ event, outcome }) => [event, outcome]),
      [["orchestrator-kill", "done"], ["queue-wipe", "done"]],
    )
    await until("all promises hold", patienceMs, async () => {
      const { promises } = await shown()
      assert.notInclude(promises.slice(0, 3).map(({ holds }) => holds), false)
      return promises.every(({ holds }) => holds === true)
    })
    const { promises, auditedAt, unavailable } = await shown()
    assert.isAbove(promises[0]!.checked!, 0)
    assert.isString(auditedAt)
    assert.deepStrictEqual(unavailable, [])
  })
})

describe("a participant without routes for faults", () => {
  it("is left out, and the promises are shown without it", async () => {
    console_.disturb(
      "items",
      async (answer, request) =>
        new URL(request.url).pathname === "/internal/faults"
          ? new Response("", { status: 404 })
          : await answer(),
    )
    const { services, unavailable } = await shown()
    assert.deepStrictEqual(
      services.map(({ service }) => service),
      faultyServices.filter((service) => service !== "items"),
    )
    assert.deepStrictEqual(unavailable, [])
    console_.restore()
  })
})

describe("the console where FAULTS is not 1", () => {
  it("has no routes for faults", async () => {
    const off = Scope.makeUnsafe()
    try {
      const { ask } = await Effect.runPromise(Scope.provide(startConsole, off))
      const reason = { reason: "x" }
      assert.strictEqual((await ask("faults")).status, 404)
      for (const path of ["faults/items", "orchestrator/kill", "queue/wipe"]) {
        assert.include([404, 405], (await ask(path, { body: reason })).status, path)
      }
      assert.strictEqual((await ask("me")).status, 200)
    } finally {
      await Effect.runPromise(Scope.close(off, Exit.void))
    }
  })
})
