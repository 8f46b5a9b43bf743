/**
 * Connections whose user gives up in the middle of something: the next user never gets one of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Sql } from "postgres"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"

const Pid = Schema.Struct({ pid: Schema.Int })

/**
 * A Database with a single connection, which the next user would get, and the id of its session.
 */
const setUp = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  yield* Effect.promise(() => sql`create table kept (n int primary key)`)
  const database = yield* openDatabase(url, { poolSize: 1 })
  const session = Effect.map(
    database.query((sql) => sql.row(Pid)`select pg_backend_pid() as pid`),
    (row) => row!.pid,
  )
  return { sql, database, session, before: yield* session }
})

const inStatement = (sql: Sql, pid: number) =>
  until("the statement to run", async () => {
    const { count } = await sql`
      select from pg_stat_activity where pid = ${pid} and state = 'active' and query like '%pg_sleep%'`
    return count === 1
  })

const ended = (sql: Sql, pid: number) =>
  until("the session to end", async () => {
    const { count } = await sql`select from pg_stat_activity where pid = ${pid}`
    return count === 0
  })

const kept = (sql: Sql) =>
  Effect.promise(async () => (await sql`select n from kept`).map(({ n }) => n))

describe("a connection that is given up within a statement is not used again", () => {
  it.effect("when nobody waits for the answer any longer", () =>
    Effect.gen(function* () {
      const { sql, database, session, before } = yield* setUp
      const silent = yield* Effect.forkChild(
        Effect.exit(database.query((sql) => sql`select pg_sleep(9)`)),
      )
      yield* TestClock.withLive(inStatement(sql, before))
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(Exit.hasFails(yield* Fiber.join(silent)))
      assert.notStrictEqual(yield* session, before)
    }))

  it.live("when the transaction's caller is interrupted, and its writes are undone", () =>
    Effect.gen(function* () {
      const { sql, database, session, before } = yield* setUp
      const running = yield* Effect.forkChild(
        database.transaction((sql) =>
          Effect.andThen(sql`insert into kept values (1)`, sql`select pg_sleep(0.5)`)
        ),
      )
      yield* inStatement(sql, before)
      yield* Fiber.interrupt(running)
      assert.notStrictEqual(yield* session, before)
      yield* ended(sql, before)
      assert.deepStrictEqual(yield* kept(sql), [])
    }))

  it.live("when the transaction's caller is interrupted between two statements", () =>
    Effect.gen(function* () {
      const { sql, database, session, before } = yield* setUp
      const inserted = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(
        database.transaction((sql) =>
          Effect.andThen(
            sql`insert into kept values (1)`,
            Effect.andThen(Deferred.succeed(inserted, undefined), Effect.never),
          )
        ),
      )
      yield* Deferred.await(inserted)
      yield* Fiber.interrupt(running)
      assert.notStrictEqual(yield* session, before)
      yield* ended(sql, before)
      assert.deepStrictEqual(yield* kept(sql), [])
    }))

  it.live("when the caller succeeds without waiting for all its statements", () =>
    Effect.gen(function* () {
      const { sql, database, session, before } = yield* setUp
      yield* database.query((sql) =>
        Effect.forkDetach(sql`select pg_sleep(0.5)`, { startImmediately: true })
      )
      assert.notStrictEqual(yield* session, before)
      yield* ended(sql, before)
    }))

  it.live("when the caller fails while one of its statements is out", () =>
    Effect.gen(function* () {
      const { sql, database, session, before } = yield* setUp
      const exit = yield* Effect.exit(database.query((sql) =>
        Effect.andThen(
          Effect.forkDetach(sql`select pg_sleep(0.5)`, { startImmediately: true }),
          Effect.die(new Error("on second thoughts")),
        )
      ))
      assert.isTrue(Exit.isFailure(exit))
      assert.notStrictEqual(yield* session, before)
      yield* ended(sql, before)
    }))

  it.live("but is used again if all answers had arrived", () =>
    Effect.gen(function* () {
      const { database, session, before } = yield* setUp
      yield* Effect.exit(database.query(() => Effect.die(new Error("on second thoughts"))))
      yield* Effect.exit(database.transaction(() => Effect.die(new Error("on second thoughts"))))
      assert.strictEqual(yield* session, before)
    }))
})

describe("the time limit", () => {
  it.effect("of 20 seconds holds for all tries of a transaction together", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      let tries = 0
      const lost = Object.assign(new Error("another one came first"), { code: "40001" })
      const running = yield* Effect.forkChild(
        Effect.exit(database.transaction((sql) =>
          Effect.andThen(
            sql`select`,
            Effect.suspend(() => {
              tries += 1
              return Effect.andThen(Effect.sleep("9 seconds"), Effect.die(lost))
            }),
          )
        )),
      )
      for (const seen of [1, 2, 3]) {
        yield* TestClock.withLive(until("the next try", () => tries === seen))
        yield* TestClock.adjust(seen < 3 ? "9 seconds" : "2 seconds")
      }
      assert.match(String(yield* Fiber.join(running)), /did not answer \(timeout\)/)
      assert.strictEqual(tries, 3)
    }))
})
