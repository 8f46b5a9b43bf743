/**
 * How statements and transactions end on a healthy server. The tests broken-connections and restart
 * have the others.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { LostConflict } from "#shared/postgres/transaction.ts"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"

const setUp = (settings: Readonly<Record<string, string>> = {}, poolSize = 4) =>
  Effect.gen(function* () {
    const url = yield* newDatabase
    const sql = yield* onlooker(url)
    yield* Effect.promise(() => sql`create table kept (n int primary key, value bigint)`)
    yield* Effect.promise(() => sql`insert into kept values (1, 0), (2, 0)`)
    return { sql, database: yield* openDatabase(url, { settings, poolSize }) }
  })

const many = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.forEach(Array(count).keys(), () => effect, { concurrency: "unbounded" })

/** How the effect ended: "ok", the tag of its failure with the code in the message, or "defect". */
const ending = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return "ok"
    const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    return error === undefined ? "defect" : `${error._tag} ${/\((.*?)\)/.exec(error.message)?.[1]}`
  })

/** Holds its callers back until this many have come. */
const gate = (count: number) => {
  const open = Deferred.makeUnsafe<void>()
  let waiting = 0
  return Effect.suspend(() =>
    ++waiting === count ? Deferred.succeed(open, undefined) : Deferred.await(open)
  )
}

const Pid = Schema.Struct({ pid: Schema.Int })
const Kept = Schema.Struct({ n: Schema.Int, value: Schema.Int })

describe("Database", () => {
  it.live("keeps whole numbers up to 2^53 - 1, texts, times and arrays of them exactly", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp()
      const texts = ['a"b\\c{},', "NULL", "", "ü\n'", "null"]
      const numbers = [Number.MAX_SAFE_INTEGER, -1, 0]
      const times = ["2026-02-03T04:05:06.789Z", null]
      const ids = [randomUUID(), randomUUID()]
      const Row = Schema.Struct({
        text: Schema.NullOr(Schema.String),
        number: Schema.NullOr(Schema.Int),
        id: Schema.NullOr(Schema.String),
        int: Schema.NullOr(Schema.Int),
        time: Schema.NullOr(Schema.Date),
      })
      const read = yield* database.query((sql) =>
        sql.rows(Row)`select * from unnest(
          ${texts}::text[], ${numbers}::bigint[], ${ids}::uuid[], ${[1, 2]}::int[],
          ${times}::timestamptz[]) as row (text, number, id, int, time)`
      )
      assert.deepStrictEqual(read.map(({ text }) => text), texts)
      assert.deepStrictEqual(read.map(({ number }) => number), [...numbers, null, null])
      assert.deepStrictEqual(read.map(({ id }) => id), [...ids, null, null, null])
      assert.deepStrictEqual(read.map(({ int }) => int), [1, 2, null, null, null])
      assert.deepStrictEqual(read.map(({ time }) => time?.toISOString()), [times[0], ...Array(4)])
      const none = yield* database.query((sql) => sql.rows(Row)`select unnest(${[]}::text[])`)
      assert.deepStrictEqual(none, [])
    }))

  it.live("limits every statement, lock and pause, and scans no whole tables", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp()
      const [settings] = yield* database.query((sql) =>
        sql.rows(Schema.Record(Schema.String, Schema.String))`
            select current_setting('statement_timeout') as statement,
              current_setting('lock_timeout') as lock, current_setting('enable_seqscan') as scan,
              current_setting('idle_in_transaction_session_timeout') as pause`
      )
      assert.deepStrictEqual(settings, { statement: "10s", lock: "8s", scan: "off", pause: "15s" })
    }))

  it.live("opens no more connections than its pool has, and serves every caller", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp({}, 2)
      const pids = yield* many(
        50,
        database.query((sql) => sql.row(Pid)`select pg_backend_pid() as pid, pg_sleep(0.005)`),
      )
      assert.strictEqual(new Set(pids.map((row) => row?.pid)).size, 2)
      const { count } = yield* Effect.promise(() =>
        sql`select from pg_stat_activity where datname = current_database()
            and application_name = 'unwind-test'`
      )
      assert.strictEqual(count, 2)
    }))

  it.live("closes its connections with its scope", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      yield* Effect.scoped(Effect.flatMap(openDatabase(url), ({ ping }) => many(4, ping)))
      yield* until("the connections to be gone", async () => {
        const { count } = await sql`
          select from pg_stat_activity where datname = current_database()
            and application_name = 'unwind-test'`
        return count === 0
      })
    }))

  it.live("undoes a transaction that dies, and keeps the connection", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp({}, 1)
      const pid = database.query((sql) => sql.row(Pid)`select pg_backend_pid() as pid`)
      const before = yield* pid
      const end = yield* ending(database.transaction((sql) =>
        Effect.andThen(
          sql`update kept set value = 7`,
          Effect.die(new Error("on second thoughts")),
        )
      ))
      assert.strictEqual(end, "defect")
      assert.deepStrictEqual(yield* pid, before)
      const { count } = yield* Effect.promise(() => sql`select from kept where value <> 0`)
      assert.strictEqual(count, 0)
    }))

  it.live("does not report a transaction as done if one of its statements failed unnoticed", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp()
      const end = yield* ending(database.transaction((sql) =>
        Effect.andThen(
          sql`update kept set value = 7`,
          Effect.catchDefect(sql`insert into kept values (1)`, () => Effect.void),
        )
      ))
      assert.strictEqual(end, "defect")
      const { count } = yield* Effect.promise(() => sql`select from kept where value <> 0`)
      assert.strictEqual(count, 0)
    }))

  it.live("reports a violated constraint as a defect", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp()
      const insert = database.query((sql) => sql`insert into kept values (1, 0)`)
      assert.strictEqual(yield* ending(insert), "defect")
    }))

  it.live("runs a transaction again that lost a conflict, without its first writes", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp()
      let runs = 0
      const result = yield* database.transaction((sql) =>
        Effect.flatMap(
          sql`update kept set value = value + 1`,
          () => ++runs < 4 ? Effect.die(new LostConflict("not yet")) : Effect.succeed("done"),
        )
      )
      assert.deepStrictEqual([result, runs], ["done", 4])
      const { count } = yield* Effect.promise(() => sql`select from kept where value = 1`)
      assert.strictEqual(count, 2)
    }))

  it.live("gives up a transaction that loses six times; it may be tried again", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp()
      let runs = 0
      const lose = () => (runs += 1, Effect.die(new LostConflict("never")))
      const end = yield* ending(database.transaction(lose))
      assert.deepStrictEqual([end, runs], ["Unavailable 40001", 6])
    }))

  it.live("runs the victim of a deadlock again", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp()
      const bothHoldOne = gate(2)
      let runs = 0
      const inOrder = (first: number, second: number) =>
        database.transaction(Effect.fnUntraced(function* (sql) {
          runs += 1
          yield* sql`update kept set value = value + 1 where n = ${first}`
          if (runs <= 2) yield* bothHoldOne
          yield* sql`update kept set value = value + 1 where n = ${second}`
        }))
      yield* Effect.all([inOrder(1, 2), inOrder(2, 1)], { concurrency: 2 })
      // The victim may be back before the other transaction has woken up, and take its row once
      // more.
      assert.isAtLeast(runs, 3)
      const { count } = yield* Effect.promise(() => sql`select from kept where value = 2`)
      assert.strictEqual(count, 2)
    }))

  it.live("runs a transaction again that could not be serialized", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp()
      const bothHaveRead = gate(2)
      let runs = 0
      const increment = database.transaction(Effect.fnUntraced(function* (sql) {
        yield* sql`set transaction isolation level repeatable read`
        const row = yield* sql.row(Kept)`select n, value from kept where n = 1`
        if (++runs <= 2) yield* bothHaveRead
        yield* sql`update kept set value = ${row!.value + 1} where n = 1`
      }))
      yield* many(2, increment)
      assert.strictEqual(runs, 3)
      const [row] = yield* Effect.promise(() => sql`select value from kept where n = 1`)
      assert.strictEqual(Number(row?.["value"]), 2)
    }))

  it.live("stops a statement, and the wait for a lock, that take too long", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp({ statement_timeout: "300", lock_timeout: "100" })
      const slow = yield* ending(database.query((sql) => sql`select pg_sleep(10)`))
      assert.strictEqual(slow, "Unavailable 57014")
      const end = yield* Effect.promise(() =>
        sql.begin(async (tx) => {
          await tx`lock table kept`
          return await Effect.runPromise(
            ending(database.transaction((sql) => sql`update kept set value = 7`)),
          )
        })
      )
      assert.strictEqual(end, "Unavailable 55P03")
      yield* database.ping
    }))

  it.live("is not stopped for good by a transaction that slept too long", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp({ idle_in_transaction_session_timeout: "100" }, 1)
      const end = yield* ending(database.transaction(Effect.fnUntraced(function* (tx) {
        const row = yield* tx.row(Pid)`update kept set value = 7 returning pg_backend_pid() as pid`
        yield* until("the server to end the session", async () => {
          const { count } = await sql`select from pg_stat_activity where pid = ${row!.pid}`
          return count === 0
        })
        yield* tx`insert into kept values (3, 0)`
      })))
      assert.match(end, /^OutcomeUnknown (CONNECTION_CLOSED|ECONNRESET)$/)
      yield* database.ping
      const rows = yield* Effect.promise(() => sql`select n, value from kept order by n`)
      assert.deepStrictEqual(rows.map(({ n, value }) => [n, Number(value)]), [[1, 0], [2, 0]])
    }))

  it.live("fails with Unavailable what exceeds the server's limit of connections", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      const role = `limited_${randomUUID()}`
      yield* Effect.acquireRelease(
        Effect.promise(() =>
          sql.unsafe(`create role "${role}" login superuser password 'limited' connection limit 2`)
            .then(() => sql.unsafe(`alter role "${role}" nosuperuser`))
            .then(() => sql.unsafe(`grant all on schema public to "${role}"`))
        ),
        () =>
          Effect.promise(() =>
            sql.unsafe(`drop owned by "${role}"`).then(() => sql.unsafe(`drop role "${role}"`))
          ),
      )
      const limited = new URL(url)
      limited.username = role
      limited.password = "limited"
      yield* Effect.scoped(Effect.gen(function* () {
        const database = yield* openDatabase(limited.href, { poolSize: 6 })
        const ends = yield* many(6, ending(database.query((sql) => sql`select pg_sleep(0.2)`)))
        assert.deepStrictEqual(ends.toSorted(), [
          ...Array(4).fill("Unavailable 53300"),
          "ok",
          "ok",
        ])
        yield* database.ping
      }))
      yield* until("the role's sessions to end", async () => {
        const { count } = await sql`select from pg_stat_activity where usename = ${role}`
        return count === 0
      })
    }))

  it.live("says what is wrong with an unusable database and what to do, without the password", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const attempt = (change: (url: URL) => void) =>
        Effect.gen(function* () {
          const changed = new URL(url)
          changed.password = "s3cret-passw0rd"
          change(changed)
          return (yield* Effect.flip(Effect.scoped(openDatabase(changed.href)))).message
        })
      const wrongPassword = yield* attempt(() => {})
      assert.include(wrongPassword, "password authentication failed")
      assert.include(wrongPassword, "Check DATABASE_URL")
      assert.notInclude(wrongPassword, "s3cret")
      const missing = yield* attempt((changed) => {
        changed.password = new URL(url).password
        changed.pathname = "no_such"
      })
      assert.include(missing, 'database "no_such" does not exist')
      assert.notInclude(missing, new URL(url).password)
      assert.notInclude(missing, "\n")
    }))

  it.live("passes notifications to the listener, and null when it begins to listen", () =>
    Effect.gen(function* () {
      const { sql, database } = yield* setUp()
      const heard: Array<string | null> = []
      yield* database.listen("news", (payload) => heard.push(payload))
      yield* Effect.promise(() => sql.notify("news", "one"))
      yield* Effect.promise(() => sql.notify("other", "not for us"))
      yield* Effect.promise(() => sql.notify("news", "two"))
      yield* until("the news", () => heard.length >= 3)
      assert.deepStrictEqual(heard, [null, "one", "two"])
      yield* Effect.promise(() =>
        sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and query like 'listen%'`
      )
      yield* until("the database to listen again", () => heard.at(-1) === null && heard.length > 3)
      yield* Effect.promise(() => sql.notify("news", "three"))
      yield* until("the news", () => heard.at(-1) === "three")
    }))
})
