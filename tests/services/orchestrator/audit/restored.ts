/**
 * A participant whose database is restored to an older state: the rows of one moment are kept in
 * other tables, orders go on, and then the old rows come back. An order that was pending at that
 * moment, and has failed since, holds everything again.
 */
import { Effect } from "effect"
import type { Sql } from "postgres"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { until } from "#tests/services/orders/until.ts"
import { losesAnswers, startSystem, type System, works } from "../running-system.ts"

export const settings = { ORDER_DEADLINE: "2 minutes" }

/** The table of the resources: no other one has what forgotten orders have consumed. */
const tableOf = async (sql: Sql) => {
  const [found] = await sql<[{ readonly name: string }]>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'consumed' and table_name <> 'kept'`
  return found.name
}

const keep = (sql: Sql) =>
  Effect.promise(async () =>
    await sql.unsafe(`create table kept as table ${await tableOf(sql)};
      create table kept_reservations as table reservations`)
  )

/** Restores the kept state in one transaction, as the statements are sent together. */
export const putBack = ({ sql }: System, name: ParticipantName) =>
  Effect.promise(async () => {
    const table = await tableOf(sql[name])
    return await sql[name].unsafe(`truncate ${table}, reservations;
      insert into ${table} table kept;
      insert into reservations table kept_reservations`)
  })

const placeMany = Effect.fnUntraced(function* (system: System, user: string, count: number) {
  const placed = yield* Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    // Every fifth order is rejected.
    (n) => system.order(user, { amount: 0.5, item: n % 5 === 0 ? 11 : 1 + n % 3 }),
    { concurrency: 10 },
  )
  return yield* Effect.forEach(placed, ({ id }) => system.final(user, id))
})

/**
 * A system at rest whose participants keep an older state. `missing` are the orders that were
 * completed since then. `leftover` failed since then, and held everything at that moment.
 */
export const startKept = Effect.gen(function* () {
  const system = yield* startSystem(settings)
  const orchestrator = yield* system.orchestrate({
    AUDIT_EVERY: "200 millis",
    // So that no other orchestrator takes it for dead while it is idle.
    CLAIM_AFTER: "15 seconds",
  })
  const user = yield* system.customer
  yield* placeMany(system, user, 20)
  system.conduct.slots = losesAnswers
  const { id: leftover } = yield* system.order(user, { amount: 7 })
  yield* until(
    "the slot is reserved",
    Effect.promise(async () =>
      (await system.sql.slots`
        select from reservations where order_id = ${leftover} and outcome = 'reserved'`).count === 1
    ),
  )
  for (const name of participantNames) yield* keep(system.sql[name])
  yield* system.orders.decide({ orderId: leftover, decision: "abort", reason: "Order timed out" })
  system.conduct.slots = works
  yield* system.final(user, leftover)
  const later = yield* placeMany(system, user, 40)
  const missing = later.filter(({ status }) => status === "completed").map(({ id }) => id)
  return { system, orchestrator, user, missing, leftover }
})
