/**
 * Forgetting, over PostgreSQL. Proved: forgotten records are old and not spared, what completed
 * orders held counts as consumed, the books balance at every step, and concurrent commands and
 * concurrent forgetting do no harm.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber } from "effect"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import { maxForgotten } from "#shared/contracts/retention.ts"
import { type Calendar, makeCalendar } from "#tests/support/calendar.ts"
import { waitingForLocks } from "#tests/support/waiting-for-locks.ts"
import { until } from "../postgres/open-database.ts"
import { cancel, order, type Participant, reserve, startParticipant } from "./participant.ts"

const nothing = OrderId.make("00000000-0000-0000-0000-000000000000")
const everything = OrderId.make("ffffffff-ffff-ffff-ffff-ffffffffffff")

/** A participant whose date the test sets. */
const start = (poolSize?: number) =>
  Effect.gen(function* () {
    const calendar = yield* makeCalendar
    const participant = yield* startParticipant(poolSize)
    const then = Effect.provideService(Clock.Clock, calendar.clock)
    const forget = (before = everything, except: ReadonlyArray<OrderId> = []) =>
      then(participant.retention.forget({ before, except }))
    const forgotten = participant.retention.forgotten
    const apply: Participant["apply"] = (commands) => then(participant.apply(commands))
    const orders = Effect.map(participant.records, (all) => all.map(([id]) => id))
    return { ...participant, apply, forget, forgotten, orders, calendar }
  })

/** What is left, held and consumed of item 1. */
const books = ({ sql }: Participant) =>
  Effect.promise(async () => {
    const [row] = await sql<[{ stock: string; held: string; consumed: string; opening: string }]>`
      select stock, opening, consumed, (
        select coalesce(sum(quantity), 0) from reservations where resource = id and outcome = 'reserved'
      ) as held
      from items where id = '1'`
    const { stock, held, consumed, opening } = row
    assert.strictEqual(Number(stock) + Number(held) + Number(consumed), Number(opening))
    return [Number(stock), Number(held), Number(consumed)]
  })

const aMonthAndADay = "31 days"

/** Three orders, reserved, rejected and cancelled, that are old enough to be forgotten. */
const someHistory = (participant: Participant, calendar: Calendar) =>
  Effect.gen(function* () {
    yield* participant.stock({ "1": 100 })
    yield* participant.apply([
      reserve(1, "1", 7),
      reserve(2, "1", 94),
      reserve(3, "1", 5),
      cancel(3, "1", 5),
    ])
    calendar.pass(aMonthAndADay)
  })

describe("Retention", () => {
  it.live("forgets old orders, and counts what completed ones held as consumed", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, apply, orders, calendar } = participant
      yield* someHistory(participant, calendar)
      const young = OrderId.make(firstIdAt(calendar.nowMs()))
      yield* apply([{ ...reserve(4, "1", 3), orderId: young }])
      assert.deepStrictEqual(yield* books(participant), [90, 10, 0])
      assert.strictEqual(yield* forget(), 3)
      assert.deepStrictEqual(yield* orders, [young])
      assert.deepStrictEqual(yield* books(participant), [90, 3, 7])
      assert.strictEqual(yield* forget(), 0)
      const { before, spared } = yield* forgotten
      assert.isTrue(before > order(4) && before < young)
      assert.deepStrictEqual(spared, [])
    }))

  it.live("forgets nothing that is younger than the retention and a day", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, orders, calendar } = participant
      yield* participant.stock({ "1": 100 })
      yield* participant.apply([reserve(1, "1")])
      calendar.pass("30 days")
      assert.strictEqual(yield* forget(), 0)
      calendar.pass("23 hours")
      assert.strictEqual(yield* forget(), 0)
      assert.deepStrictEqual(yield* orders, [order(1)])
      assert.isTrue((yield* forgotten).before < order(1))
      calendar.pass("1 hour")
      assert.strictEqual(yield* forget(), 1)
    }))

  it.live("goes as far as requested", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, orders, calendar } = participant
      yield* someHistory(participant, calendar)
      assert.strictEqual(yield* forget(nothing), 0)
      assert.deepStrictEqual(yield* forgotten, { before: nothing, spared: [] })
      assert.strictEqual(yield* forget(order(2)), 1)
      assert.deepStrictEqual(yield* forgotten, { before: order(2), spared: [] })
      assert.strictEqual(yield* forget(order(1)), 0)
      assert.deepStrictEqual(yield* forgotten, { before: order(2), spared: [] })
      assert.deepStrictEqual(yield* orders, [order(2), order(3)])
    }))

  it.live("refuses late commands of forgotten orders, and records nothing for them", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, apply, orders, calendar } = participant
      yield* someHistory(participant, calendar)
      yield* forget()
      for (const days of ["0 days", "1 day", "300 days"] as const) {
        calendar.pass(days)
        for (const n of [1, 2, 3]) {
          const outcomes = yield* apply([reserve(n, "1", 7), cancel(n, "1", 7), reserve(n, "1", 1)])
          assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), [
            ...["cancelled", "cancelled", "cancelled"],
          ])
        }
      }
      assert.deepStrictEqual(yield* orders, [])
      assert.deepStrictEqual(yield* books(participant), [93, 0, 7])
    }))

  it.live("spares the given orders, as long as they are given", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, apply, orders, calendar } = participant
      yield* participant.stock({ "1": 100 })
      yield* apply([reserve(1, "1", 10), reserve(2, "1", 20), reserve(3, "1", 30)])
      calendar.pass(aMonthAndADay)
      // An order without a record is spared as well: it may have a record elsewhere.
      assert.strictEqual(yield* forget(everything, [order(2), order(3), order(9)]), 1)
      assert.deepStrictEqual((yield* forgotten).spared, [order(2), order(3), order(9)])
      assert.strictEqual(yield* forget(everything, [order(2), order(3), order(9)]), 0)
      assert.deepStrictEqual(yield* books(participant), [40, 50, 10])
      calendar.pass("100 days")
      yield* apply([cancel(3, "1", 30)])
      assert.deepStrictEqual(yield* books(participant), [70, 20, 10])
      assert.strictEqual(yield* forget(everything, [order(2)]), 1)
      assert.deepStrictEqual([yield* orders, (yield* forgotten).spared], [[order(2)], [order(2)]])
      assert.strictEqual(yield* forget(everything), 1)
      assert.deepStrictEqual([yield* orders, (yield* forgotten).spared], [[], []])
      assert.deepStrictEqual(yield* books(participant), [70, 0, 30])
    }))

  it.live("does not spare an order again that it has forgotten, however late it is given", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, calendar } = participant
      yield* someHistory(participant, calendar)
      yield* forget(order(3), [order(2)])
      yield* forget(order(3))
      yield* forget(everything, [order(1), order(2), order(3)])
      assert.deepStrictEqual((yield* forgotten).spared, [order(3)])
    }))

  it.live("reports an order as spared if only a later step of forgetting would reach it", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, calendar } = participant
      yield* someHistory(participant, calendar)
      yield* forget(order(2), [order(3)])
      assert.deepStrictEqual(yield* forgotten, { before: order(2), spared: [] })
      yield* forget(everything, [order(3)])
      assert.deepStrictEqual((yield* forgotten).spared, [order(3)])
    }))

  it.live("forgets a thousand at a time, and its mark is never ahead of it", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, orders, sql, calendar } = participant
      yield* participant.stock({ "1": 10_000 })
      yield* Effect.promise(() =>
        sql`insert into reservations (order_id, outcome, resource, quantity)
          select (${
          order(0).slice(0, 24)
        } || to_char(n, 'FM000000000000'))::uuid, 'reserved', '1', 1
          from generate_series(1, ${2 * maxForgotten + 1}) n`
      )
      yield* Effect.promise(() =>
        sql`update items set stock = stock - ${2 * maxForgotten + 1} where id = '1'`
      )
      calendar.pass(aMonthAndADay)
      for (const expected of [maxForgotten, maxForgotten, 1, 0]) {
        assert.strictEqual(yield* forget(), expected)
        const left = yield* orders
        const { before } = yield* forgotten
        if (left.length > 0) assert.strictEqual(left[0], before)
        yield* books(participant)
      }
    }))

  it.live("tolerates a resource that is gone", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, orders, sql, calendar } = participant
      yield* someHistory(participant, calendar)
      yield* Effect.promise(() => sql`delete from items`)
      assert.strictEqual(yield* forget(), 3)
      assert.deepStrictEqual(yield* orders, [])
    }))

  it.live("makes a late command wait for it, and never waits for one itself", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, apply, sql, calendar } = participant
      yield* someHistory(participant, calendar)
      // A lock on the item blocks the forgetting, which has the orders locked by then.
      const held = yield* Effect.promise(() => sql.reserve())
      yield* Effect.promise(() => held`begin`)
      yield* Effect.promise(() => held`select from items where id = '1' for update`)
      const forgetting = yield* Effect.forkChild(forget())
      yield* until("the forgetting waits", () => waiting(participant, 1))
      const late = yield* Effect.forkChild(apply([reserve(1, "1", 7), reserve(3, "1", 5)]))
      yield* until("the late command waits", () => waiting(participant, 2))
      yield* Effect.promise(() => held`commit`)
      held.release()
      assert.strictEqual(yield* Fiber.join(forgetting), 3)
      assert.deepStrictEqual((yield* Fiber.join(late)).map(({ outcome }) => outcome), [
        ...["cancelled", "cancelled"],
      ])
      assert.deepStrictEqual(yield* books(participant), [93, 0, 7])
      assert.strictEqual(participant.counts.deadlocks, 0)
    }))

  it.live(
    "while commands of all kinds come in loses nothing and blocks nothing",
    () =>
      Effect.gen(function* () {
        const participant = yield* start()
        const { forget, apply, orders, counts, calendar } = participant
        const shelf = { "1": 10_000, "2": 10_000, "3": 10_000 }
        yield* participant.stock(shelf)
        const nameOf = (n: number) => String(1 + n % 3)
        const old = Array.from({ length: 1_500 }, (_, n) => n)
        yield* Effect.forEach(chunks(old, 500), (ns) => apply(ns.map((n) => reserve(n, nameOf(n)))))
        calendar.pass(aMonthAndADay)
        const young = firstIdAt(calendar.nowMs()).slice(0, 13)
        const youngOrder = (n: number) => OrderId.make(order(n).replace(/^.{13}/, young))
        const batch = (round: number) =>
          Array.from({ length: 30 }, (_, k) => {
            const n = round * 15 + k
            const late = (round * 97 + k * 53) % old.length
            return [
              { ...reserve(n, nameOf(n)), orderId: youngOrder(n) },
              ...(k % 3 === 0 ? [{ ...cancel(n, nameOf(n)), orderId: youngOrder(n) }] : []),
              reserve(late, nameOf(late)),
            ]
          }).flat().toSorted((a, b) => (a.resource + a.orderId < b.resource + b.orderId ? 1 : -1))
        const forgotten = yield* Effect.all([
          ...Array.from({ length: 6 }, () => forget()),
          ...Array.from({ length: 40 }, (_, round) => Effect.as(apply(batch(round)), 0)),
        ], { concurrency: "unbounded" })
        assert.strictEqual(forgotten.reduce((a, b) => a + b), old.length)
        assert.strictEqual(counts.deadlocks, 0)
        assert.isTrue((yield* orders).every((id) => id.startsWith(young)))
        const { consumed, sums } = yield* sumsOf(participant)
        assert.deepStrictEqual([consumed, sums], [old.length, shelf])
      }),
  )

  it.live("leaves everything as it was when it is cut off", () =>
    Effect.gen(function* () {
      const participant = yield* start()
      const { forget, forgotten, sql, calendar } = participant
      yield* someHistory(participant, calendar)
      yield* Effect.promise(() =>
        sql.unsafe(`
          create function refuse() returns trigger language plpgsql as
            'begin raise exception ''no''; end';
          create trigger refuse before update on forgotten for each row execute function refuse()`)
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(forget())))
      assert.deepStrictEqual(yield* books(participant), [93, 7, 0])
      yield* Effect.promise(() => sql`drop trigger refuse on forgotten`)
      assert.strictEqual((yield* forgotten).before, nothing)
      assert.strictEqual(yield* forget(), 3)
    }))
})

const chunks = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from(
    { length: Math.ceil(items.length / size) },
    (_, n) => items.slice(n * size, (n + 1) * size),
  )

/** Whether this many statements wait for a lock. */
const waiting = async ({ sql }: Participant, count: number) => await waitingForLocks(sql) === count

/** What was consumed in total, and for each item what is left, held and consumed together. */
const sumsOf = ({ sql }: Participant) =>
  Effect.promise(async () => {
    const rows = await sql<Array<{ id: string; total: string; consumed: string }>>`
      select id, consumed, stock + consumed + (
        select coalesce(sum(quantity), 0) from reservations where resource = id and outcome = 'reserved'
      ) as total
      from items`
    return {
      consumed: rows.reduce((sum, row) => sum + Number(row.consumed), 0),
      sums: Object.fromEntries(rows.map(({ id, total }) => [id, Number(total)])),
    }
  })
