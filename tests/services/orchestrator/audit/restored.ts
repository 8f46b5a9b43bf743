/**
 * A participant whose database was put back to an older state: what was on record at one moment is
 * kept beside the tables, orders go on, and then the old rows come back. The order that was being
 * undone at that moment holds everything again.
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

const kept = (sql: Sql) =>
  Effect.promise(async () =>
    await sql.unsafe(`create table kept as table ${await tableOf(sql)};
      create table kept_reservations as table reservations`)
  )

/** Statements that are sent together are one transaction. */
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
    // Every fifth is refused.
    (n) => system.order(user, { amount: 0.5, item: n % 5 === 0 ? 11 : 1 + n % 3 }),
    { concurrency: 10 },
  )
  return yield* Effect.forEach(placed, ({ id }) => system.final(user, id))
})

/**
 * A system at rest, all of whose participants kept what they had before most of its orders.
 * `missing`: the orders that were completed since. `leftover`: the one that failed since, and held
 * everything then.
 */
export const startKept = Effect.gen(function* () {
  const system = yield* startSystem(settings)
  const orchestrator = yield* system.orchestrate({
    AUDIT_EVERY: "200 millis",
    // Others know that it lives, though it has nothing to do.
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
  for (const name of participantNames) yield* kept(system.sql[name])
  yield* system.orders.decide({ orderId: leftover, decision: "abort", reason: "Order timed out" })
  system.conduct.slots = works
  yield* system.final(user, leftover)
  const later = yield* placeMany(system, user, 40)
  const missing = later.filter(({ status }) => status === "completed").map(({ id }) => id)
  return { system, orchestrator, user, missing, leftover }
})
