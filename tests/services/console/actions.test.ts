/**
 * The actions of operators: the console sends each once to its service, returns the service's
 * answer, and records the action in the trail.
 */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { isDown, type RunningConsole, soon, startConsole } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
})
afterEach(() => console_.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const reason = "the customer called"
const newReason = () => `because ${crypto.randomUUID()}`

/** The entries of the trail with this reason. */
const recorded = async (why: string, username?: string) =>
  (await console_.trail(username)).filter((entry) => entry.why === why)

/** An order that waits for items. */
const waitingOrder = async () => {
  console_.disturb("items", isDown)
  const id = await console_.place()
  await soon("the order waits", async () =>
    (await console_.ask(`sagas?limit=500`)).body.sagas.some(
      (saga: { readonly orderId: string; readonly nextAttemptAt: string | null }) =>
        saga.orderId === id && saga.nextAttemptAt !== null,
    ))
  return id
}

describe("an operator", () => {
  it("cancels an undecided order at the same time as another operator", async () => {
    const id = await waitingOrder()
    const why = newReason()
    const other = await console_.operator()
    const [one, two] = await Promise.all([
      console_.ask(`orders/${id}/cancel`, { body: { reason: why } }),
      console_.ask(`orders/${id}/cancel`, { body: { reason: why }, by: other.access }),
    ])
    for (const { status, body } of [one, two]) {
      assert.strictEqual(status, 200, JSON.stringify(body))
      assert.strictEqual(body.order.reason, "Order cancelled")
    }
    for (const username of [console_.olga.username, other.username]) {
      const address = "203.0.113.7"
      assert.deepStrictEqual(await recorded(why, username), [
        { event: "order-cancel", outcome: "done", target: id, why, code: null, address },
      ])
    }
    console_.restore()
    await soon("the order is undone", async () => await console_.statusOf(id) === "failed")
  })

  it("gets the state of an order when it is too late to cancel", async () => {
    const id = await console_.place()
    await soon("the order is final", async () => await console_.statusOf(id) === "completed")
    const why = newReason()
    const late = await console_.ask(`orders/${id}/cancel`, { body: { reason: why } })
    assert.strictEqual(late.status, 409)
    assert.deepInclude(late.body, { code: "order_already_decided", state: "completed" })
    const none = id.replace(/.$/, (last) => last === "0" ? "1" : "0")
    const missing = await console_.ask(`orders/${none}/cancel`, { body: { reason: why } })
    assert.deepInclude(missing.body, { status: 404, code: "order_not_found" })
    assert.deepStrictEqual((await recorded(why)).map(({ outcome, code }) => [outcome, code]), [
      ["refused", "order_already_decided"],
      ["refused", "order_not_found"],
    ])
  })

  it("retries one order or all that match, and only counts in a dry run", async () => {
    const id = await waitingOrder()
    const why = newReason()
    const dry = await console_.ask("retry", { body: { step: "item", dryRun: true, reason: why } })
    assert.deepInclude(dry.body, { woken: 0, unheard: [] })
    assert.deepStrictEqual(await recorded(why), [])
    const groups = (await console_.ask("stuck")).body.groups
    assert.deepInclude(groups[0], { action: "reserve", step: "item" })
    console_.restore()
    const one = await console_.ask("retry", { body: { orderId: id, reason: why } })
    assert.strictEqual(one.status, 200)
    const all = await console_.ask("retry", { body: { step: "item", cap: 5, reason: why } })
    assert.strictEqual(all.status, 200)
    await soon("the order is final", async () => await console_.statusOf(id) === "completed")
    assert.deepStrictEqual((await recorded(why)).map(({ event, target }) => [event, target]), [
      ["order-retry", id],
      ["order-retry", "step item"],
    ])
  })

  it("redrives and discards dead letters", async () => {
    const refuses = () => Promise.resolve(Response.json({}, { status: 400 }))
    console_.disturb("items", refuses)
    const ids = [await console_.place(), await console_.place()]
    const letters = async () =>
      (await console_.ask("dead-letters")).body.letters as ReadonlyArray<
        { readonly id: string; readonly orderId: string }
      >
    await soon("both orders are dead letters", async () => (await letters()).length === 2)
    console_.restore()
    const why = newReason()
    const [first, second] = ids.map((id) => ({ id, letter: "" }))
    for (const letter of await letters()) {
      ;(letter.orderId === first!.id ? first! : second!).letter = letter.id
    }
    const redriven = await console_.ask("dead-letters/redrive", {
      body: { letters: [first!.letter], reason: why },
    })
    assert.deepStrictEqual(redriven.body.letters, [{ letter: first!.letter, outcome: "redriven" }])
    const discarded = await console_.ask("dead-letters/discard", {
      body: { letters: [second!.letter, first!.letter], reason: why },
    })
    assert.deepStrictEqual(
      discarded.body.letters.map(({ outcome }: { readonly outcome: string }) => outcome),
      ["discarded", "absent"],
    )
    await soon("the order is final", async () => await console_.statusOf(first!.id) === "completed")
    assert.deepStrictEqual((await recorded(why)).map(({ event, outcome }) => [event, outcome]), [
      ["dead-letter-redrive", "done"],
      ["dead-letter-discard", "done"],
    ])
  })

  it("adjusts stock once per key, and never below zero", async () => {
    const why = newReason()
    const restock = (change: number, key?: string, resource = "3") =>
      console_.ask("stock/items/adjustments", {
        body: { resource, change, reason: why },
        ...(key !== undefined && { headers: { "idempotency-key": key } }),
      })
    const key = crypto.randomUUID()
    const one = await restock(5, key)
    assert.strictEqual(one.status, 201)
    assert.deepInclude(one.body, { resource: "3", change: 5, operator: console_.olga.username })
    assert.isNull(one.headers.get("idempotent-replayed"))
    const again = await restock(5, key)
    assert.deepStrictEqual([again.status, again.body], [201, one.body])
    assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
    assert.deepInclude((await restock(6, key)).body, { status: 422 })
    const below = await restock(-100_000_000, crypto.randomUUID())
    assert.deepInclude(below.body, { status: 409, code: "below_zero" })
    const none = await restock(1, crypto.randomUUID(), "nothing")
    assert.deepInclude(none.body, { status: 404, code: "resource_not_found" })
    assert.strictEqual((await restock(5)).status, 400, "without a key")
    const ledger = await console_.ask("stock/items/adjustments?resource=3")
    assert.deepStrictEqual(ledger.body.adjustments, [one.body])
    const trail = await recorded(why)
    assert.deepStrictEqual(trail.map(({ outcome }) => outcome), [
      "done",
      "done",
      "refused",
      "refused",
      "refused",
    ])
    assert.strictEqual(trail[0]!.target, "items 3")
  })

  it("heals what the audit found", async () => {
    const why = newReason()
    const { status, body } = await console_.ask("audit/heal", { body: { reason: why } })
    assert.strictEqual(status, 200)
    assert.deepInclude(body, { healed: 0, unreached: [] })
    assert.deepStrictEqual((await recorded(why)).map(({ event, outcome }) => [event, outcome]), [
      ["audit-heal", "done"],
    ])
  })

  it("must give a reason of one line", async () => {
    const id = await console_.place()
    const cause = "step item"
    for (
      const reason of ["", "  ", "two\nlines", "\u0007", "x".repeat(501), "\ud800", 1, undefined]
    ) {
      for (
        const [path, body] of [
          [`orders/${id}/cancel`, {}],
          ["retry", { cause }],
          ["dead-letters/redrive", { letters: ["1-1"] }],
          ["dead-letters/discard", { letters: ["1-1"] }],
          ["stock/items/adjustments", { resource: "1", change: 1 }],
          ["audit/heal", {}],
        ] as const
      ) {
        const answer = await console_.ask(path, {
          body: { ...body, reason },
          headers: { "idempotency-key": crypto.randomUUID() },
        })
        assert.strictEqual(answer.status, 400, `${path} ${JSON.stringify(reason)}`)
      }
    }
  })

  it("can do nothing after the role is revoked, not even after another log-in", async () => {
    const other = await console_.operator()
    const id = await waitingOrder()
    const cancel = (by: string) => console_.ask(`orders/${id}/cancel`, { body: { reason }, by })
    await console_.revoke(other.username)
    const refreshed = await other.logIn()
    assert.deepInclude((await cancel(refreshed.access)).body, {
      status: 403,
      code: "operators_only",
    })
    await soon(
      "the old token is refused",
      async () => (await console_.ask("me", { by: other.access })).status === 401,
    )
    assert.deepInclude((await cancel(other.access)).body, { status: 401 })
    assert.strictEqual(await console_.statusOf(id), "pending")
    assert.deepStrictEqual(await console_.trail(other.username), [])
  })
})
