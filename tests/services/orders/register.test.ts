import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { changesChannel } from "#services/orders/changes.ts"
import { transition } from "#services/orders/register.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import { OrderId } from "#shared/contracts/order.ts"
import {
  abort,
  ask,
  complete,
  pendingOrders,
  registers,
  rowOf,
  rowsOf,
  settle,
  sql,
  stuck,
  tagsOf,
  tellStuck,
  useRegisters,
} from "./registers.ts"
import { until } from "./until.ts"

useRegisters()

const decide = (...decisions: ReadonlyArray<Decision>) =>
  Effect.map(registers[0]!.decide(decisions), (all) => all.map(({ status }) => status))

describe("transition", () => {
  const table: Readonly<Record<OrderStatus, ReadonlyArray<OrderStatus | undefined>>> = {
    //           ask        complete     abort           abort, stuck    settle
    pending: [undefined, "completed", "compensating", "compensating", undefined],
    compensating: [undefined, undefined, undefined, "compensating", "failed"],
    completed: [undefined, undefined, undefined, undefined, undefined],
    failed: [undefined, undefined, undefined, undefined, undefined],
  }
  const id = OrderId.make(crypto.randomUUID())
  const decisions = [ask, complete, abort, tellStuck, settle].map((decision) => decision(id))

  it.each(Object.entries(table))("of %s", (status, row) => {
    assert.deepStrictEqual(
      decisions.map((decision) => transition(status as OrderStatus, decision)),
      row,
    )
  })
})

describe("decide", () => {
  it.live("completes a pending order", () =>
    Effect.gen(function* () {
      const [id] = yield* pendingOrders(1)
      const decision = complete(id!)
      assert.deepStrictEqual(yield* decide(decision), ["completed"])
      const row = yield* rowOf(id!)
      assert.strictEqual(row.status, "completed")
      assert.deepStrictEqual(row.timeline, decision.timeline)
      assert.isNull(row.reason)
      assert.isNotNull(row.decided_at)
      assert.isNull(row.publish_at)
    }))

  it.live("aborts with the reason, and keeps the order due until the settlement", () =>
    Effect.gen(function* () {
      const [id] = yield* pendingOrders(1)
      const [first, second] = [abort(id!), settle(id!)]
      assert.deepStrictEqual(yield* decide(first), ["compensating"])
      const compensating = yield* rowOf(id!)
      assert.strictEqual(compensating.reason, "Not enough money")
      assert.isNull(compensating.decided_at)
      assert.isNotNull(compensating.publish_at)
      assert.deepStrictEqual(yield* decide(second), ["failed"])
      const failed = yield* rowOf(id!)
      assert.strictEqual(failed.reason, "Not enough money")
      assert.deepStrictEqual(failed.timeline, [...first.timeline, ...second.timeline])
      assert.isNotNull(failed.decided_at)
      assert.isNull(failed.publish_at)
    }))

  it.live("keeps the first reason", () =>
    Effect.gen(function* () {
      const [id] = yield* pendingOrders(1)
      yield* decide(abort(id!), { ...abort(id!), reason: "Order timed out" })
      yield* decide({ ...tellStuck(id!), reason: "Can not reserve the item" })
      assert.strictEqual((yield* rowOf(id!)).reason, "Not enough money")
    }))

  it.live("tells where a compensation is stuck, until it is settled", () =>
    Effect.gen(function* () {
      const [id] = yield* pendingOrders(1)
      yield* decide(abort(id!))
      assert.isNull((yield* rowOf(id!)).stuck)
      assert.deepStrictEqual(yield* decide(tellStuck(id!)), ["compensating"])
      assert.deepStrictEqual((yield* rowOf(id!)).stuck, stuck)
      const later = { ...stuck, attempts: 4 }
      yield* decide({ ...tellStuck(id!), stuck: later })
      assert.deepStrictEqual((yield* rowOf(id!)).stuck, later)
      yield* decide(settle(id!))
      assert.isNull((yield* rowOf(id!)).stuck)
      // Too late: the order is final.
      assert.deepStrictEqual(yield* decide(tellStuck(id!)), ["failed"])
      assert.isNull((yield* rowOf(id!)).stuck)
    }))

  it.live("answers in the sequence of the decisions, including those on unknown orders", () =>
    Effect.gen(function* () {
      const [one, two, three] = yield* pendingOrders(3)
      const unknown = OrderId.make(crypto.randomUUID())
      const decisions = [abort(three!), ask(unknown), complete(one!), settle(unknown), ask(two!)]
      assert.deepStrictEqual(
        yield* registers[0]!.decide(decisions),
        [
          { orderId: three!, status: "compensating" },
          { orderId: unknown, status: "unknown" },
          { orderId: one!, status: "completed" },
          { orderId: unknown, status: "unknown" },
          { orderId: two!, status: "pending" },
        ],
      )
    }))

  it.live("applies several decisions on one order one after another", () =>
    Effect.gen(function* () {
      const [one, two] = yield* pendingOrders(2)
      const decisions = [
        ...[ask(one!), settle(one!), abort(one!), complete(one!), tellStuck(one!), settle(one!)],
        ...[complete(two!), abort(two!), settle(two!)],
      ]
      assert.deepStrictEqual(yield* decide(...decisions), [
        ...["pending", "pending", "compensating", "compensating", "compensating", "failed"],
        ...["completed", "completed", "completed"],
      ])
      const row = yield* rowOf(one!)
      assert.deepStrictEqual(row.timeline, [...decisions[2]!.timeline, ...decisions[5]!.timeline])
      assert.isNull(row.stuck)
      assert.deepStrictEqual((yield* rowOf(two!)).timeline, decisions[6]!.timeline)
    }))

  it.live.each(["completed", "failed"] as const)(
    "never changes an order that is %s",
    (status) =>
      Effect.gen(function* () {
        const [id] = yield* pendingOrders(1)
        const way = status === "completed" ? [complete(id!)] : [abort(id!), settle(id!)]
        yield* decide(...way)
        const before = yield* rowOf(id!)
        for (const decision of [complete, abort, tellStuck, settle, ask]) {
          assert.deepStrictEqual(yield* decide(decision(id!), decision(id!)), [status, status])
        }
        // The same request again, as after a lost answer.
        assert.deepStrictEqual(yield* decide(...way), way.map(() => status))
        assert.deepStrictEqual(yield* rowOf(id!), before)
      }),
  )

  it.live("cannot store an order that is half decided", () =>
    Effect.gen(function* () {
      const [id] = yield* pendingOrders(1)
      for (
        const change of [
          { status: "completed" },
          { status: "completed", decided_at: new Date() },
          { status: "pending", publish_at: null },
          { status: "undone" },
        ]
      ) {
        const attempt = sql`update orders set ${sql(change)} where id = ${id!}`
        const code = yield* Effect.promise(() => attempt.then(() => "", (error) => error.code))
        assert.strictEqual(code, "23514")
      }
    }))

  it.live("has one winner when replicas decide on the same orders in opposite sequence", () =>
    Effect.gen(function* () {
      const ids = yield* pendingOrders(60)
      const batches = Array.from({ length: 24 }, (_, n) => {
        const decision = n % 2 === 0 ? complete : abort
        return (n % 4 < 2 ? ids : ids.toReversed()).map((id) => decision(id))
      })
      const answers = yield* Effect.forEach(
        batches,
        (batch, n) => registers[n % registers.length]!.decide(batch),
        { concurrency: "unbounded" },
      )
      const rows = yield* rowsOf(ids)
      const seen = answers.flat()
      assert.strictEqual(seen.length, 24 * 60)
      for (const { orderId, status } of seen) {
        assert.strictEqual(status, rows.get(orderId)!.status)
      }
      const all = new Map(batches.flat().map((decision) => [tagsOf(decision)[0], decision]))
      for (const [id, row] of rows) {
        assert.strictEqual(row.timeline.length, 1)
        const winner = all.get(tagsOf(row)[0])!
        assert.strictEqual(winner.orderId, id)
        assert.strictEqual(
          row.status,
          winner.decision === "complete" ? "completed" : "compensating",
        )
      }
    }))

  it.live("notifies listeners of every order that changed, even in one large batch", () =>
    Effect.gen(function* () {
      const ids = yield* pendingOrders(1000)
      const heard = new Set<string>()
      const final: Array<string | undefined> = []
      const { unlisten } = yield* Effect.promise(() =>
        sql.listen(changesChannel, (payload) => {
          // As earlier versions read the payload: they do not know which orders are final.
          for (const id of payload.split(",").filter((id) => id !== "")) heard.add(id)
          final.push(...payload.split(",,")[1]!.split(",").filter((id) => id !== ""))
        })
      )
      yield* decide(...ids.map((id) => abort(id)))
      yield* until("all changes are heard", () => ids.every((id) => heard.has(id)))
      heard.clear()
      yield* decide(ask(ids[0]!), complete(ids[1]!), settle(ids[2]!))
      yield* until("the one change is heard", () => heard.size > 0)
      assert.deepStrictEqual([...heard], [ids[2]])
      assert.deepStrictEqual(final, [ids[2]])
      yield* Effect.promise(unlisten)
    }))
})
