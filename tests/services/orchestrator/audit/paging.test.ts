/** The audit over many pages: it finds and counts each order once, even at their edges. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { highest, justAbove, justBelow } from "#services/orchestrator/audit/order-range.ts"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import { startSystem, type System, works } from "../running-system.ts"
import { named, startAudit, summed } from "./auditing.ts"

const since = Date.now() - 3_600_000

/** The id of the nth order. A higher number is newer. */
const id = (n: number) => firstIdAt(since + n)

const held = { billing: ["ann", 5], items: ["1", 1], slots: ["09:00", 1] } as const
type Name = keyof typeof held

/** Inserts completed orders into all four databases. */
const fill = ({ orders, sql }: System, numbers: ReadonlyArray<number>) =>
  Effect.promise(async () => {
    const ids = numbers.map(id)
    await orders.sql`
      insert into orders (id, username, amount, details, steps, status, created_at, decided_at)
      select id, 'ann', 5, '{"item":1,"slot":"09:00"}', '["money","item","slot"]', 'completed',
        now(), now()
      from unnest(${ids}::uuid[]) as id`
    for (const name of ["billing", "items", "slots"] as const) {
      await reserve(sql[name], name, ids)
    }
  })

const reserve = async (sql: System["sql"][Name], name: Name, ids: ReadonlyArray<string>) => {
  const [resource, quantity] = held[name]
  await sql`
    insert into reservations (order_id, outcome, resource, quantity, recorded_at)
    select id, 'reserved', ${resource}, ${quantity}, now() - interval '1 hour'
    from unnest(${[...ids]}::uuid[]) as id`
}

/** Counts the requests for pages, by service. */
const countPages = (system: System) => {
  const pages = { orders: 0, billing: 0, items: 0, slots: 0 }
  for (const name of ["orders", "billing", "items", "slots"] as const) {
    system.conduct[name] = (answer, request) => {
      if (/^\/internal\/(orders|reservations)$/.test(new URL(request.url).pathname)) pages[name]++
      return works(answer, request)
    }
  }
  return pages
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n)

describe("the audit of many orders", () => {
  it.live(
    "finds nothing in four pages of sound orders, and reads each page once",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        yield* fill(system, numbers(3_500))
        const pages = countPages(system)
        const { audit } = yield* startAudit(system)
        assert.deepInclude(yield* summed(audit.orders({})), { findings: [], allHeld: 3_500 })
        assert.deepStrictEqual(pages, { orders: 4, billing: 4, items: 4, slots: 4 })
      }),
  )

  it.live(
    "finds the orders that are wrong, first, last and at each edge of a page, and no others",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        yield* fill(system, numbers(3_500))
        const edges = [0, 499, 500, 501, 1_499, 1_500, 1_501, 2_499, 2_500, 2_501, 3_499]
        const wrong: Record<Name, ReadonlyArray<number>> = {
          billing: edges,
          items: edges.filter((n) => n % 2 === 0),
          slots: edges.filter((n) => n % 2 === 1),
        }
        for (const name of ["billing", "items", "slots"] as const) {
          const ids = wrong[name].map(id)
          yield* Effect.promise(() =>
            system.sql[name]`delete from reservations where order_id = any(${ids}::uuid[])`
          )
        }
        const { audit } = yield* startAudit(system)
        const { allHeld, findings, inQuestion } = yield* summed(audit.orders({}))
        const expected = Object.entries(wrong).flatMap(([name, ns]) =>
          ns.map((n) => ["missing", name, id(n)])
        )
        assert.deepStrictEqual(named(findings), expected.sort((a, b) => `${a}` < `${b}` ? -1 : 1))
        assert.deepStrictEqual([allHeld, inQuestion], [3_500 - edges.length, edges.length])
        const order = findings.map(({ orderId }) => orderId!)
        assert.deepStrictEqual(order, order.toSorted().reverse())
        const within = { before: id(2_501), after: id(1_499) }
        const some = yield* summed(audit.orders(within))
        assert.strictEqual(some.allHeld + some.inQuestion, 1_001)
        assert.strictEqual(some.inQuestion, 4)
      }),
  )

  it.live(
    "finds pages of orphans at one participant, among orders and without any",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        yield* fill(system, [...numbers(10), ...numbers(10, 5_000)])
        const orphans = numbers(2_500, 1_000).map(id)
        yield* Effect.promise(() => reserve(system.sql.items, "items", orphans))
        const { audit } = yield* startAudit(system)
        const among = yield* summed(audit.orders({}))
        assert.strictEqual(among.allHeld, 20)
        assert.deepStrictEqual(
          among.findings.map(({ kind, orderId }) => `${kind} ${orderId}`),
          orphans.toReversed().map((orphan) => `orphan ${orphan}`),
        )
        yield* Effect.promise(() => system.orders.sql`delete from orders`)
        const without = yield* summed(audit.orders({}))
        assert.strictEqual(without.findings.length, 2_500 + 3 * 20)
      }),
  )

  it.live("looks only at the newest orders when their number is limited", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      yield* fill(system, numbers(3_500))
      yield* Effect.promise(() => system.sql.slots`delete from reservations`)
      const pages = countPages(system)
      const { audit } = yield* startAudit(system)
      const { findings } = yield* summed(audit.orders({ most: 1_200 }))
      assert.deepStrictEqual(
        findings.map(({ orderId }) => orderId),
        numbers(1_200, 2_300).reverse().map(id),
      )
      // Two pages, and three for the second look: a full page does not show that it is the last.
      assert.strictEqual(pages.orders, 5)
    }))

  it.live("goes back to spared orders and to unfinished ones, without the pages between", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      yield* fill(system, numbers(30))
      const { orders, sql } = system
      for (const name of ["billing", "items", "slots"] as const) {
        yield* Effect.promise(() =>
          sql[name]`update forgotten set before = ${id(20)}, spared = ${`{${id(3)}}`}::uuid[]`
        )
        yield* Effect.promise(() => sql[name]`delete from reservations where order_id < ${id(20)}`)
      }
      yield* Effect.promise(() =>
        orders.sql`update orders set status = 'pending', decided_at = null, publish_at = now(),
          created_at = '2020-01-01' where id = ${id(7)}`
      )
      const pages = countPages(system)
      const { audit } = yield* startAudit(system)
      const { allHeld, findings } = yield* summed(audit.orders({}))
      assert.strictEqual(allHeld, 10)
      assert.deepStrictEqual(named(findings), [
        ["missing", "billing", id(3)],
        ["missing", "items", id(3)],
        ["missing", "slots", id(3)],
        ["stuck", null, id(7)],
      ])
      assert.strictEqual(pages.orders, 5)
      const { findings: newer } = yield* summed(audit.orders({ after: id(5) }))
      assert.deepStrictEqual(named(newer), [["stuck", null, id(7)]])
    }))
})

const ids = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((n) =>
  OrderId.make(
    n.toString(16).padStart(32, "0").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  )
)

describe("bounds", () => {
  it("lie right below and right above an id, except beyond the first and the last id", () => {
    fc.assert(fc.property(ids, (given) => {
      const [below, above] = [justBelow(given), justAbove(given)]
      if (below !== undefined) assert.isTrue(below < given && justAbove(below) === given)
      if (above !== undefined) assert.isTrue(above > given && justBelow(above) === given)
      assert.strictEqual(highest(undefined, below, given, undefined), given)
    }))
    assert.isUndefined(justBelow(OrderId.make("00000000-0000-0000-0000-000000000000")))
    assert.isUndefined(justAbove(OrderId.make("ffffffff-ffff-ffff-ffff-ffffffffffff")))
    assert.isUndefined(highest(undefined))
  })
})
