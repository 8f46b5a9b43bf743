/**
 * Orders of an earlier version of the saga, without a delivery slot, beside orders of today. They
 * are run, audited and forgotten by the steps with which they were accepted.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect } from "effect"
import { Audit } from "#services/orchestrator/audit/audit.ts"
import { heal } from "#services/orchestrator/audit/heal.ts"
import { Records } from "#services/orchestrator/audit/records.ts"
import { forgetOld } from "#services/orchestrator/retention.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { Fetch } from "#shared/http/client.ts"
import { serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { until } from "#tests/services/orders/until.ts"
import { makeCalendar } from "#tests/support/calendar.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { redisOf, startSystem, type System } from "../running-system.ts"
import { named, startAudit, urls } from "./auditing.ts"

/** Places orders that take only money and an item, before an orchestrator runs. */
const placeEarlier = Effect.fnUntraced(
  function* (system: System, user: string, changes: ReadonlyArray<{ readonly item: number }>) {
    const { lose } = yield* redisOf(system)
    const placed = yield* Effect.forEach(changes, (change) => system.order(user, change))
    const ids = placed.map(({ id }) => id)
    yield* Effect.promise(() =>
      system.orders.sql`update orders set steps = '["money", "item"]' where id in ${
        system.orders.sql(ids)
      }`
    )
    // The queue loses them, and the sweeper publishes them again as they are stored.
    yield* lose
    return placed
  },
)

const steps = ({ timeline }: OrderDetails) =>
  timeline.map(({ step, action, outcome }) => `${action} ${step}: ${outcome}`)

/** A completed and a failed order of each version. */
const shop = Effect.gen(function* () {
  const system = yield* startSystem()
  const user = yield* system.customer
  const [earlier, earlierBad] = yield* placeEarlier(system, user, [{ item: 1 }, { item: 11 }])
  const [today, todayBad] = [
    yield* system.order(user),
    yield* system.order(user, { slot: "23:00" }),
  ]
  yield* system.orchestrate()
  const ended = yield* Effect.forEach(
    [earlier!, earlierBad!, today, todayBad],
    ({ id }) => system.final(user, id),
  )
  const [good, bad, ...others] = ended as [OrderDetails, OrderDetails, ...Array<OrderDetails>]
  return { ...system, system, user, good, bad, others, auditing: yield* startAudit(system) }
})

/** Reserves a slot for the order, as no saga would. */
const reserveSlot = ({ sql }: System, id: string) =>
  Effect.promise(() =>
    sql.slots.unsafe(
      `insert into reservations (order_id, outcome, resource, quantity)
       values ('${id}', 'reserved', '09:00', 1);
       update slots set capacity = capacity - 1 where time = '09:00'`,
    )
  )

describe("an order of an earlier version of the saga", () => {
  it.live("goes through its own steps, and is sound when these hold", () =>
    Effect.gen(function* () {
      const { good, bad, others, auditing, left, user } = yield* shop
      assert.deepStrictEqual(steps(good), ["reserve money: reserved", "reserve item: reserved"])
      assert.deepStrictEqual(steps(bad), [
        "reserve money: reserved",
        "reserve item: rejected",
        "cancel money: cancelled",
      ])
      assert.deepStrictEqual(
        [good, bad, ...others].map(({ status }) => status),
        ["completed", "failed", "completed", "failed"],
      )
      assert.deepStrictEqual(yield* left(user), [10_000 - 2 * 1_999, 98, 99])
      assert.deepInclude(
        yield* auditing.everything,
        { findings: [], allHeld: 2, noneHeld: 2, inQuestion: 0 },
      )
    }))

  it.live("misses only what its own steps should hold", () =>
    Effect.gen(function* () {
      const { good, auditing, sql } = yield* shop
      yield* Effect.promise(() => sql.items`delete from reservations where order_id = ${good.id}`)
      const { findings } = yield* auditing.everything
      assert.deepStrictEqual(
        named(findings.filter(({ kind }) => kind !== "imbalance")),
        [["missing", "items", good.id]],
      )
    }))

  it.live("has a healable leftover where a participant without a step holds something", () =>
    Effect.gen(function* () {
      const { good, bad, auditing, system, user } = yield* shop
      yield* reserveSlot(system, good.id)
      yield* reserveSlot(system, bad.id)
      const { findings, allHeld, inQuestion } = yield* auditing.everything
      assert.deepStrictEqual(
        named(findings),
        [["leftover", "slots", bad.id], ["leftover", "slots", good.id]].sort(),
      )
      assert.deepStrictEqual([allHeld, inQuestion], [1, 2])
      assert.deepInclude(findings.find(({ orderId }) => orderId === good.id), {
        cause: "the order has no step at slots, but slots holds 1 of 09:00",
        remedy: "--heal gives it back",
        heal: { orderId: good.id, action: "cancel", resource: "09:00", quantity: 1 },
      })
      yield* heal(findings).pipe(
        Effect.provide(Context.make(Records, auditing.records)),
        Effect.provideService(Fetch, system.fetch),
      )
      assert.deepInclude(yield* auditing.everything, { findings: [], allHeld: 2, noneHeld: 2 })
      assert.deepStrictEqual(yield* system.left(user), [10_000 - 2 * 1_999, 98, 99])
    }))

  it.live(
    "is forgotten by all participants when it is old, and spared while it is not final",
    () =>
      Effect.gen(function* () {
        const calendar = yield* makeCalendar
        const then = Effect.provideService(Clock.Clock, calendar.clock)
        const system = yield* then(startSystem({ RETENTION: "7 days" }))
        const user = yield* system.customer
        const [good, bad, open] = yield* placeEarlier(
          system,
          user,
          [{ item: 1 }, { item: 11 }, { item: 2 }],
        )
        system.conduct.items = async (answer, request) => {
          const isCommand = (await request.clone().text()).includes(`"orderId":"${open!.id}"`)
          return isCommand ? Response.json({}, { status: 500 }) : await answer()
        }
        const today = yield* system.order(user)
        const first = yield* then(system.orchestrate())
        for (const { id } of [good!, bad!, today]) yield* system.final(user, id)
        const auditing = yield* startAudit(system)
        const forget = forgetOld({
          urls,
          retention: Duration.days(7),
          deadline: Duration.minutes(2),
        }).pipe(
          Effect.provideService(Audit, auditing.audit),
          Effect.provideService(Fetch, system.fetch),
          Effect.provide(
            serviceSignerLayer("orchestrator", system.orders.environment.SERVICE_PRIVATE_KEY!),
          ),
          then,
        )
        const recorded = Effect.promise(async () => {
          const rows = await Promise.all(
            participantNames.map((name) =>
              system.sql[name]<Array<{ id: string }>>`select order_id as id from reservations`
            ),
          )
          return Object.fromEntries(
            participantNames.map((name, n) => [name, rows[n]!.map(({ id }) => id)]),
          )
        })
        yield* until(
          "the open order holds money",
          Effect.map(recorded, ({ billing }) => billing!.includes(open!.id)),
        )
        calendar.pass("9 days")
        assert.strictEqual(yield* forget, 1)
        assert.deepStrictEqual(yield* recorded, {
          ...forEachParticipant(() => []),
          billing: [open!.id],
        })
        yield* first.stop
        system.conduct.items = (answer) => answer()
        yield* then(system.orchestrate())
        yield* until(
          "the open order has failed",
          Effect.map(system.look(user, open!.id), ({ status }) => status === "failed"),
        )
        assert.strictEqual(yield* forget, 0)
        assert.deepStrictEqual(yield* recorded, { billing: [], items: [], slots: [] })
        assert.deepInclude(yield* then(auditing.everything), { findings: [], inFlight: 0 })
      }),
  )
})
