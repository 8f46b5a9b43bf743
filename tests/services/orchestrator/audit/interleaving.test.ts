/** The audit reads its pages at different moments, and raises no alarm about changes between. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { orderSaga, participantNames } from "#shared/contracts/order-saga.ts"
import { underLoad } from "#tests/support/patience.ts"
import { losesAnswers, startSystem, type System, works } from "../running-system.ts"
import { named, startAudit } from "./auditing.ts"

/** A system with an order and an audit, and without an orchestrator. */
const idle = Effect.gen(function* () {
  const system = yield* startSystem()
  const user = yield* system.customer
  const { id } = yield* system.order(user)
  return { system, user, id, ...(yield* startAudit(system)) }
})

/** Lets something happen right after the audit reads the nth page of orders. */
const afterPage = (system: System, nth: number, happen: () => Promise<unknown>) => {
  let pages = 0
  system.conduct.orders = async (answer, request) => {
    const response = await works(answer, request)
    if (new URL(request.url).pathname === "/internal/orders" && ++pages === nth) await happen()
    return response
  }
  return () => pages
}

/**
 * Completes an order, with the records of its saga. `ago` is the age of the records by the clocks
 * of the participants.
 */
const complete = async ({ orders, sql }: System, id: string, ago = "0 seconds") => {
  const [order] = await orders.sql`
    update orders set status = 'completed', decided_at = now(), publish_at = null
    where id = ${id} returning username, amount, details`
  const { username, amount, details } = order!
  for (const { at, takes } of orderSaga) {
    const [resource, quantity] = takes({ username, amountMinor: amount, details })
    await sql[at]`
      insert into reservations (order_id, outcome, resource, quantity, recorded_at)
      values (${id}, 'reserved', ${resource}, ${quantity}, now() - ${ago}::interval)`
  }
}

const orderFindings = ({ findings }: { findings: Parameters<typeof named>[0] }) =>
  named(findings.filter(({ kind }) => kind !== "imbalance"))

describe("the audit of orders that change", () => {
  it.live("raises no alarm when an order is completed after its page was read", () =>
    Effect.gen(function* () {
      const { everything, id, system } = yield* idle
      const pages = afterPage(system, 1, () => complete(system, id))
      const sums = yield* everything
      assert.deepStrictEqual([orderFindings(sums), sums.inFlight, pages()], [[], 1, 1])
      assert.deepInclude(yield* everything, { allHeld: 1, inFlight: 0 })
    }))

  it.live("looks again at records of an order placed after the page, however old they seem", () =>
    Effect.gen(function* () {
      const { everything, system, user } = yield* idle
      let id = ""
      const pages = afterPage(system, 1, async () => {
        id = (await Effect.runPromise(system.order(user))).id
        await complete(system, id, "3 days")
      })
      const sums = yield* everything
      assert.deepStrictEqual([orderFindings(sums), sums.allHeld, pages()], [[], 1, 2])
    }))

  it.live("looks again at an overdue order, in case it has just become final", () =>
    Effect.gen(function* () {
      const { everything, id, system } = yield* idle
      yield* Effect.promise(() => system.orders.sql`update orders set created_at = '2020-01-01'`)
      const pages = afterPage(system, 1, () => complete(system, id))
      const sums = yield* everything
      assert.deepStrictEqual([orderFindings(sums), sums.allHeld, pages()], [[], 1, 2])
    }))

  it.live("looks again at an order that is forgotten between the pages", () =>
    Effect.gen(function* () {
      const { everything, id, system } = yield* idle
      yield* Effect.promise(() => complete(system, id))
      const pages = afterPage(system, 1, async () => {
        await system.sql.items`delete from reservations`
        await system.sql.items`update forgotten set before = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`
      })
      const sums = yield* everything
      assert.deepStrictEqual([orderFindings(sums), sums.allHeld, pages()], [[], 1, 2])
    }))

  it.live("reports what is wrong at both looks, but not what is wrong at the second only", () =>
    Effect.gen(function* () {
      const { everything, id, system } = yield* idle
      yield* Effect.promise(() => complete(system, id))
      yield* Effect.promise(() => system.sql.slots`delete from reservations`)
      const pages = afterPage(
        system,
        2,
        () => Promise.resolve(system.sql.items`delete from reservations`),
      )
      assert.deepStrictEqual(orderFindings(yield* everything), [["missing", "slots", id]])
      assert.strictEqual(pages(), 2)
      assert.deepStrictEqual(orderFindings(yield* everything), [
        ["missing", "items", id],
        ["missing", "slots", id],
      ])
    }))

  it.live(
    "finds nothing while hundreds of orders are completed, undone and repeated",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem({ ORDER_DEADLINE: `${underLoad(30_000)} millis` })
        let calls = 0
        for (const name of ["orders", ...participantNames] as const) {
          system.conduct[name] = (answer, request) =>
            (request.method === "POST" && ++calls % 7 === 0 ? losesAnswers : works)(answer, request)
        }
        yield* system.orchestrate({ SAGAS_IN_FLIGHT: "40" })
        const { everything } = yield* startAudit(system)
        const user = yield* system.customer
        const working = yield* Effect.forkChild(Effect.gen(function* () {
          const placed = yield* Effect.forEach(
            Array.from({ length: 400 }, (_, n) => n),
            // A hundred in the wallet, ten items, ten slots: each runs out for some orders.
            (n) =>
              system.order(user, {
                amount: 0.4,
                item: 1 + n % 11,
                slot: `${`${n % 13}`.padStart(2, "0")}:00`,
              }),
            { concurrency: 20 },
          )
          yield* Effect.forEach(placed, ({ id }) => system.final(user, id), { concurrency: 10 })
        }))
        let audits = 0
        let seenInFlight = 0
        while (working.pollUnsafe() === undefined) {
          const { findings, inFlight } = yield* everything
          assert.deepStrictEqual(findings, [])
          audits++
          if (inFlight > 0) seenInFlight++
        }
        yield* Fiber.join(working)
        const { findings, allHeld, noneHeld } = yield* everything
        assert.deepStrictEqual([findings, allHeld + noneHeld], [[], 400])
        assert.isAbove(allHeld, 100)
        assert.isAbove(noneHeld, 50)
        assert.isAbove(seenInFlight, 3, `of ${audits} audits`)
      }),
  )
})
