/** What the audit finds in a real system with damaged databases, and in a sound one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Sql } from "postgres"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { startSystem } from "../running-system.ts"
import { named, startAudit } from "./auditing.ts"

const run = (sql: Sql, statement: string) => Effect.promise(() => sql.unsafe(statement))

/** A system with a completed order, one rejected at its last step, and one at its first. */
const soundSystem = Effect.gen(function* () {
  const system = yield* startSystem()
  yield* system.orchestrate()
  const user = yield* system.customer
  const good = yield* system.order(user, { amount: 5 })
  const bad = yield* system.order(user, { amount: 6, slot: "23:00" })
  const poor = yield* system.order(user, { amount: 1_000 })
  for (const { id } of [good, bad, poor]) yield* system.final(user, id)
  return {
    ...system,
    user,
    good: good.id,
    bad: bad.id,
    poor: poor.id,
    ...(yield* startAudit(system)),
  }
})

/** A system with two orders, and without an orchestrator. */
const idleSystem = Effect.gen(function* () {
  const system = yield* startSystem()
  const user = yield* system.customer
  const [older, newer] = [yield* system.order(user), yield* system.order(user)]
  return { ...system, older: older.id, newer: newer.id, ...(yield* startAudit(system)) }
})

describe("the audit", () => {
  it.live("finds nothing in a sound system, and counts orders held by all and by none", () =>
    Effect.gen(function* () {
      const { everything } = yield* soundSystem
      assert.deepStrictEqual(yield* everything, {
        findings: [],
        allHeld: 1,
        noneHeld: 2,
        inFlight: 0,
        inQuestion: 0,
        resources: 21,
        downTo: undefined,
      })
    }))

  it.live("finds the order that a participant has lost, for each step of the saga's table", () =>
    Effect.gen(function* () {
      const { everything, good, sql } = yield* soundSystem
      for (const name of participantNames) {
        const become = (outcome: string) =>
          run(
            sql[name],
            `update reservations set outcome = '${outcome}' where order_id = '${good}'`,
          )
        yield* become("cancelled")
        const { findings } = yield* everything
        assert.deepStrictEqual(
          findings.map(({ kind, participant }) => `${kind} ${participant}`).toSorted(),
          [`imbalance ${name}`, `missing ${name}`],
        )
        yield* become("reserved")
        assert.deepStrictEqual((yield* everything).findings, [])
      }
    }))

  it.live("measures an order's age by the Date header of orders", () =>
    Effect.gen(function* () {
      const { older, newer, ...system } = yield* idleSystem
      const auditAt = (aheadMs: number) =>
        startAudit({
          ...system,
          fetch: async (url, init) => {
            const { status, headers, body } = await system.fetch(url, init)
            const date = new Date(Date.now() + aheadMs).toUTCString()
            return new Response(body, { status, headers: { ...Object.fromEntries(headers), date } })
          },
        }).pipe(
          Effect.flatMap(({ everything }) => everything),
          Effect.provideService(PeerClocks, makePeerClocks()),
        )
      assert.deepStrictEqual((yield* auditAt(0)).findings, [])
      const late = yield* auditAt(600_000)
      assert.deepStrictEqual(late.findings.map(({ kind, orderId }) => `${kind} ${orderId}`), [
        `stuck ${newer}`,
        `stuck ${older}`,
      ])
    }))

  it.live("finds what a completed order lacks: a record that is gone, cancelled or rejected", () =>
    Effect.gen(function* () {
      const { everything, good, sql, user } = yield* soundSystem
      yield* run(sql.billing, `delete from reservations where order_id = '${good}'`)
      yield* run(
        sql.items,
        `update reservations set outcome = 'cancelled' where order_id = '${good}'`,
      )
      yield* run(
        sql.slots,
        `update reservations set outcome = 'rejected' where order_id = '${good}'`,
      )
      const { allHeld, findings, inQuestion, noneHeld } = yield* everything
      assert.deepStrictEqual(named(findings), [
        ["imbalance", "billing", user],
        ["imbalance", "items", "1"],
        ["imbalance", "slots", "09:00"],
        ["missing", "billing", good],
        ["missing", "items", good],
        ["missing", "slots", good],
      ])
      assert.deepStrictEqual([allHeld, noneHeld, inQuestion], [0, 2, 1])
      const causes = findings.filter(({ kind }) => kind === "missing").map(({ cause }) => cause)
      assert.deepStrictEqual(causes, [
        `the order is completed with 500 of ${user}, but billing has nothing on record`,
        "the order is completed with 1 of 1, but items has it as cancelled on record",
        "the order is completed with 1 of 09:00, but slots has it as rejected on record",
      ])
      for (const { heal, remedy } of findings) {
        assert.isNull(heal)
        assert.match(remedy, /^a person decides: /)
      }
    }))

  it.live("finds reservations that differ from the order", () =>
    Effect.gen(function* () {
      const { everything, good, sql, user } = yield* soundSystem
      yield* run(sql.billing, `update reservations set quantity = 700 where order_id = '${good}'`)
      yield* run(sql.slots, `update reservations set resource = '03:00' where order_id = '${good}'`)
      const { findings } = yield* everything
      const found = findings.filter(({ kind }) => kind === "mismatch")
      assert.deepStrictEqual(named(found), [["mismatch", "billing", good], [
        "mismatch",
        "slots",
        good,
      ]])
      assert.deepStrictEqual(found.map(({ cause }) => cause), [
        `the order is completed with 500 of ${user}, but billing holds 700 of ${user}`,
        "the order is completed with 1 of 09:00, but slots holds 1 of 03:00",
      ])
    }))

  it.live("finds what is still held for a failed order, and how to give it back", () =>
    Effect.gen(function* () {
      const { everything, bad, poor, sql } = yield* soundSystem
      yield* run(
        sql.items,
        `update reservations set outcome = 'reserved' where order_id = '${bad}'`,
      )
      yield* run(
        sql.billing,
        `update reservations set outcome = 'reserved' where order_id = '${poor}'`,
      )
      const { findings } = yield* everything
      const found = findings.filter(({ kind }) => kind !== "imbalance")
      assert.deepStrictEqual(
        named(found),
        [["leftover", "billing", poor], ["leftover", "items", bad]].sort(),
      )
      assert.deepInclude(found.find(({ participant }) => participant === "items"), {
        cause: "the order failed, but items still holds 1 of 1",
        heal: { orderId: bad, action: "cancel", resource: "1", quantity: 1 },
      })
    }))

  it.live("finds what is held for an unknown order, unless a saga may still undo it", () =>
    Effect.gen(function* () {
      const { everything, sql } = yield* soundSystem
      const [old, young, given] = Array.from({ length: 3 }, () => crypto.randomUUID() as string)
      yield* run(
        sql.slots,
        `insert into reservations (order_id, outcome, resource, quantity, recorded_at) values
          ('${old}', 'reserved', '01:00', 1, now() - interval '181 seconds'),
          ('${young}', 'reserved', '01:00', 1, now() - interval '170 seconds'),
          ('${given}', 'cancelled', '01:00', 1, now() - interval '1 day')`,
      )
      const { findings, inFlight, noneHeld } = yield* everything
      const found = findings.filter(({ kind }) => kind !== "imbalance")
      assert.deepStrictEqual(named(found), [["orphan", "slots", old!]])
      assert.isAbove(found[0]!.ageMs!, 180_000)
      assert.strictEqual(found[0]!.cause, "orders knows no such order, but slots holds 1 of 01:00")
      assert.deepStrictEqual([inFlight, noneHeld], [1, 3])
    }))

  it.live("finds orders that should be final, with what they wait for", () =>
    Effect.gen(function* () {
      const { everything, older, orders, newer } = yield* idleSystem
      assert.deepInclude(yield* everything, { findings: [], inFlight: 2 })
      yield* run(orders.sql, `update orders set created_at = now() - interval '1 hour'`)
      const stuck = { step: "item", cause: "items answered 503", attempts: 9, nextAttemptAt: "" }
      yield* run(
        orders.sql,
        `update orders set status = 'compensating', stuck = '${JSON.stringify(stuck)}'
        where id = '${newer}'`,
      )
      const { findings, inFlight } = yield* everything
      assert.deepStrictEqual(findings.map(({ orderId, cause }) => [orderId, cause]), [
        [newer, "the order is still compensating; item after 9 attempts: items answered 503"],
        [older, "the order is still pending"],
      ])
      assert.strictEqual(inFlight, 0)
      assert.isAbove(findings[0]!.ageMs!, 3_600_000 - 1)
    }))

  it.live("finds books that do not balance, whichever figure is wrong", () =>
    Effect.gen(function* () {
      const { everything, sql, user } = yield* soundSystem
      yield* run(sql.billing, `update accounts set wallet = wallet + 1`)
      yield* run(sql.items, `update items set opening = opening - 3 where id = '2'`)
      yield* run(sql.items, `update items set consumed = 7 where id = '3'`)
      yield* run(sql.slots, `delete from slots where time = '09:00'`)
      const { findings } = yield* everything
      assert.deepStrictEqual(findings.map(({ cause }) => cause), [
        `billing started with 10000 of ${user}, but 9501 are left, 500 held and 0 consumed`,
        "items started with 97 of 2, but 100 are left, 0 held and 0 consumed",
        "items started with 100 of 3, but 100 are left, 0 held and 7 consumed",
        "slots started with 0 of 09:00, but 0 are left, 1 held and 0 consumed",
      ])
    }))

  it.live("accepts restocked items and forgotten records, but misses spared ones", () =>
    Effect.gen(function* () {
      const { everything, good, sql } = yield* soundSystem
      yield* run(sql.items, `update items set stock = stock + 50, opening = opening + 50`)
      // As if the completed order were old, and two of the three participants had forgotten it.
      for (
        const [name, table, key] of [["billing", "accounts", "username"], [
          "items",
          "items",
          "id",
        ]] as const
      ) {
        const held = `select from reservations where resource = ${key} and order_id = '${good}'`
        const taken = name === "billing" ? 500 : 1
        yield* run(sql[name], `update ${table} set consumed = ${taken} where exists (${held})`)
        yield* run(sql[name], `delete from reservations where order_id = '${good}'`)
        yield* run(
          sql[name],
          `update forgotten set before = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`,
        )
      }
      assert.deepInclude(yield* everything, { findings: [], allHeld: 1, noneHeld: 2 })
      // A spared record is not forgotten, so it is missing.
      yield* run(sql.billing, `update forgotten set spared = '{${good}}'`)
      yield* run(sql.billing, `update accounts set consumed = 0, wallet = 10000`)
      const { findings } = yield* everything
      assert.deepStrictEqual(named(findings), [["missing", "billing", good]])
      // It is missing even when all three have forgotten older records.
      yield* run(sql.slots, `update forgotten set before = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`)
      assert.deepStrictEqual(named((yield* everything).findings), [["missing", "billing", good]])
    }))
})
