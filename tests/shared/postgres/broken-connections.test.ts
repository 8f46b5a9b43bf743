/**
 * Connections that break at the worst moment. Proved: the process goes on (an uncaught error fails
 * the run), the caller gets Unavailable or OutcomeUnknown, no statement of a broken transaction
 * takes effect, and the next transaction works.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type { Sql } from "postgres"
import type { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import { underLoad } from "#tests/support/patience.ts"
import { openLine } from "./line.ts"
import { cutConnections, newDatabase, onlooker, openDatabase, until } from "./open-database.ts"

/**
 * A database with the table `kept`, the onlooker's client, and the Database under test over a line.
 */
const setUp = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  yield* Effect.promise(() => sql`create table kept (n int primary key)`)
  const line = yield* openLine(url)
  return { sql, line, database: yield* openDatabase(line.url) }
})

const keptIn = (sql: Sql) =>
  Effect.promise(async () => (await sql`select n from kept order by n`).map(({ n }) => n))

const sleeping = (sql: Sql, count: number) =>
  until(`${count} statements to run`, async () => {
    const rows = await sql`
      select from pg_stat_activity where datname = current_database() and state = 'active'
        and query like '%pg_sleep%' and pid <> pg_backend_pid()`
    return rows.count === count
  })

const assertTransient = (exit: Exit.Exit<unknown, Transient>) => {
  if (Exit.isSuccess(exit)) return assert.fail("it succeeded")
  assert.isTrue(Exit.hasFails(exit), String(exit.cause))
}

/** Runs this many at once. */
const times = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.forEach(Array(count).keys(), () => effect, { concurrency: "unbounded" })

/**
 * The start leaves two connections, whose end may be noticed only at their next use; each may cost
 * one try.
 */
const staleOnes = { times: 2 }

const insert = (database: Database["Service"], n: number) =>
  database.transaction((tx) => tx`insert into kept values (${n})`)

describe("a connection that breaks", () => {
  for (const how of ["by an orderly end", "by a reset"]) {
    const breakLine = (sql: Sql, line: { readonly reset: () => void }) =>
      how === "by a reset" ? Effect.sync(line.reset) : cutConnections(sql)

    it.live(`in a transaction's statement ${how}: the transaction is undone`, () =>
      Effect.gen(function* () {
        const { sql, line, database } = yield* setUp
        const broken = yield* Effect.forkChild(Effect.exit(
          database.transaction((tx) =>
            Effect.andThen(
              tx`insert into kept values (1)`,
              Effect.all([tx`select pg_sleep(10)`, tx`insert into kept values (2)`], {
                concurrency: "unbounded",
              }),
            )
          ),
        ))
        yield* sleeping(sql, 1)
        yield* breakLine(sql, line)
        assertTransient(yield* Fiber.join(broken))
        yield* Effect.retry(insert(database, 3), staleOnes)
        assert.deepStrictEqual(yield* keptIn(sql), [3])
      }))

    it.live(`between two statements ${how}: the second one never runs`, () =>
      Effect.gen(function* () {
        const { sql, line, database } = yield* setUp
        let ran = false
        const exit = yield* Effect.exit(database.transaction(Effect.fnUntraced(function* (tx) {
          yield* tx`insert into kept values (1)`
          yield* breakLine(sql, line)
          // Another user of the pool gets a new connection: the dead transaction must not use it.
          yield* Effect.orDie(insert(database, 3).pipe(Effect.retry(Schedule.recurs(3))))
          yield* tx`insert into kept values (2)`
          ran = true
        })))
        assert.isFalse(ran)
        assertTransient(exit)
        yield* Effect.retry(insert(database, 4), staleOnes)
        assert.deepStrictEqual(yield* keptIn(sql), [3, 4])
      }))

    it.live(`in plain statements ${how}: they fail, and the next ones work`, () =>
      Effect.gen(function* () {
        const { sql, line, database } = yield* setUp
        const sleep = Effect.exit(database.query((sql) => sql`select pg_sleep(10)`))
        const broken = yield* Effect.forkChild(
          times(4, sleep),
        )
        yield* sleeping(sql, 4)
        yield* breakLine(sql, line)
        for (const exit of yield* Fiber.join(broken)) assertTransient(exit)
        yield* times(20, database.ping)
      }))
  }

  it.live("while it is idle is not noticed", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp
      const four = times(4, database.query((sql) => sql`select pg_sleep(0.1)`))
      yield* four
      assert.strictEqual(yield* cutConnections(sql), 4)
      yield* until("the connections to be gone", async () => {
        const { count } = await sql`
          select from pg_stat_activity where datname = current_database()
            and application_name = 'unwind-test'`
        return count === 0
      })
      // When the end of a newer connection has arrived, so have the ends of all four.
      yield* Effect.ignore(database.ping)
      yield* four
    }))

  it.live("again and again leaves every transaction whole or undone, as its caller was told", () =>
    Effect.gen(function* () {
      const { sql, line, database } = yield* setUp
      let n = 0
      const told = new Set<number>()
      const one = Effect.gen(function* () {
        const first = n
        n += 2
        const exit = yield* Effect.exit(database.transaction((tx) =>
          Effect.andThen(
            tx`insert into kept values (${first})`,
            tx`insert into kept values (${first + 1})`,
          )
        ))
        if (Exit.isSuccess(exit)) told.add(first)
        else assertTransient(exit)
      })
      // At growing intervals, so that some transactions succeed on any machine.
      let apartMs = 50
      const disturb = Effect.gen(function* () {
        // A cut that is under way must not come after the end.
        yield* Effect.uninterruptible(cutConnections(sql))
        yield* Effect.sleep(apartMs)
        line.reset()
        yield* Effect.sleep(apartMs)
        apartMs *= 1.1
      })
      const tooFew = () => n < 640 || told.size <= 10
      yield* times(8, Effect.repeat(one, { while: tooFew })).pipe(
        Effect.raceFirst(Effect.forever(disturb)),
      )
      const kept = new Set(yield* keptIn(sql))
      for (let first = 0; first < n; first += 2) {
        assert.strictEqual(
          kept.has(first),
          kept.has(first + 1),
          `transaction ${first} is half done`,
        )
        if (told.has(first)) assert.isTrue(kept.has(first), `transaction ${first} is lost`)
      }
      // Each of the pool's four connections may have been cut last.
      yield* times(20, Effect.retry(database.ping, { times: 4 }))
    }))

  it.live("before it is made fails at once, without a storm of attempts", () =>
    Effect.gen(function* () {
      const { line, database } = yield* setUp
      line.reset()
      line.become = "hanging up"
      const before = line.accepted()
      assertTransient(
        yield* Effect.exit(insert(database, 1)).pipe(Effect.timeout(underLoad(5_000))),
      )
      assert.isAtMost(line.accepted() - before, 3)
      line.become = "open"
      yield* insert(database, 1).pipe(Effect.retry(staleOnes))
    }))

  it.live("is given up after five seconds if the server accepts it but never answers", () =>
    Effect.gen(function* () {
      const { line, database } = yield* setUp
      line.reset()
      line.become = "swallowing"
      const { message } = yield* Effect.flip(insert(database, 1)).pipe(
        Effect.repeat({ while: ({ _tag }) => _tag === "OutcomeUnknown", ...staleOnes }),
      )
      assert.strictEqual(message, "The database cannot be used now (CONNECT_TIMEOUT)")
      line.become = "open"
      yield* insert(database, 1)
    }))

  it.effect("is given up after 20 seconds of silence, and not used again", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp
      const silent = yield* Effect.forkChild(
        Effect.exit(database.query((sql) => sql`select pg_sleep(9)`)),
      )
      yield* TestClock.withLive(sleeping(sql, 1))
      yield* TestClock.adjust("20 seconds")
      const exit = yield* Fiber.join(silent)
      assert.deepStrictEqual(Exit.isFailure(exit) && String(exit.cause).includes("timeout"), true)
      yield* times(8, database.ping)
    }))
})
