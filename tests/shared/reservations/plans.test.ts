/**
 * The plan trap: a prepared statement that was planned while its table was tiny keeps its plan
 * after the table has grown. Proved: on connections that planned at one row, a batch reads as many
 * of fifty thousand rows as it names, and no more.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OrderId } from "#shared/contracts/order.ts"
import { maxForgotten, maxSpared } from "#shared/contracts/retention.ts"
import { cancel, type Participant, reserve, startParticipant } from "./participant.ts"

const rows = 50_000
const batches = 60

/** The rows that the participant's statements have read so far, by whole scans and by index. */
const readIn = ({ database, sql }: Participant) =>
  Effect.gen(function* () {
    // The connection reports its counts only now and then, unless told to with the next statement.
    yield* database.query((sql) => sql`select pg_stat_force_next_flush()`)
    const [counted] = yield* Effect.promise(() =>
      sql`select sum(seq_tup_read)::int as whole,
            (select sum(idx_tup_read)::int from pg_stat_user_indexes) as indexed
          from pg_stat_user_tables`
    )
    return { whole: Number(counted?.["whole"]), indexed: Number(counted?.["indexed"]) }
  })

const plannedAt = (few: number) =>
  Effect.gen(function* () {
    const participant = yield* startParticipant(1)
    const { apply, stock, sql } = participant
    const run = (statement: string) => Effect.promise(() => sql.unsafe(statement))
    // Autovacuum would have the statements planned again some minutes later.
    yield* run("alter table items set (autovacuum_enabled = false)")
    yield* run("alter table reservations set (autovacuum_enabled = false)")
    yield* stock(Object.fromEntries(Array.from({ length: few }, (_, n) => [`${n + 1}`, 1_000])))
    const apart = (n: number) => `${1 + (n * 7919) % rows}`
    const batch = (n: number, resource = apart) => [
      reserve(2 * n, resource(n)),
      reserve(2 * n + 1, resource(n + 1)),
      cancel(2 * n - 2, resource(n - 1)),
    ]
    yield* Effect.forEach(Array(few).keys(), (n) => apply([reserve(1_000_000 + n, "1")]))
    yield* run("analyze items, reservations")
    // From the sixth time on, PostgreSQL may keep a plan for good.
    yield* Effect.forEach(Array(12).keys(), (n) => apply(batch(1_000 + n, () => "1")))

    yield* run(
      `insert into items select n::text, '', 1000 from generate_series(${few + 1}, ${rows}) n`,
    )
    yield* run(`insert into reservations (order_id, outcome, resource, quantity)
      select gen_random_uuid(), 'reserved', n::text, 1 from generate_series(1, ${rows}) n`)
    const before = yield* readIn(participant)
    yield* Effect.forEach(Array(batches).keys(), (n) => apply(batch(n + 1)))
    const after = yield* readIn(participant)
    return { whole: after.whole - before.whole, indexed: after.indexed - before.indexed }
  })

describe("Retention", () => {
  it.live(
    "reads a batch of what it forgets by index, and never what it forgot before",
    () =>
      Effect.gen(function* () {
        const participant = yield* startParticipant(1)
        const { stock, sql, retention } = participant
        const run = (statement: string) => Effect.promise(() => sql.unsafe(statement))
        // Without a starting point, forgotten rows are in the way.
        yield* run("alter table reservations set (autovacuum_enabled = false)")
        yield* stock({ "1": 1_000 })
        yield* run(`insert into items select n::text, '', 1000 from generate_series(2, ${rows}) n`)
        yield* run(`insert into reservations (order_id, outcome, resource, quantity)
          select ('00000000-0000-7000-8000-' || to_char(n, 'FM000000000000'))::uuid, 'reserved',
            n::text, 1 from generate_series(1, ${rows}) n`)
        const before = OrderId.make("00000000-0000-7000-8000-ffffffffffff")
        const except = Array.from({ length: maxSpared }, (_, n) =>
          OrderId.make(`00000000-0000-7000-8000-${`${n * 50 + 1}`.padStart(12, "0")}`))
        const forget = retention.forget({ before, except })
        for (let n = 0; n < 30; n++) {
          yield* forget
        }
        const first = yield* readIn(participant)
        for (let n = 0; n < 10; n++) {
          assert.strictEqual(yield* forget, maxForgotten)
        }
        const last = yield* readIn(participant)
        // A table of one row is scanned whole, twice.
        assert.strictEqual(last.whole - first.whole, 10 * 2)
        assert.isBelow(last.indexed - first.indexed, 10 * 8 * maxForgotten)
      }),
  )
})

describe("Reservations", () => {
  for (const few of [1, 40, 300]) {
    it.live(
      `reads by index when a table is large that had ${few} rows when it was planned`,
      () =>
        Effect.gen(function* () {
          const { whole, indexed } = yield* plannedAt(few)
          assert.strictEqual(whole, 0)
          assert.isAbove(indexed, 3 * batches)
          assert.isBelow(indexed, 30 * batches)
        }),
    )
  }
})
