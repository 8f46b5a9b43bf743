/**
 * Rows are decoded where they leave the database: a value that does not fit its schema goes no
 * further.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { isoTime, json, text } from "#shared/postgres/columns.ts"
import { newDatabase, onlooker, openDatabase } from "./open-database.ts"

const setUp = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  yield* Effect.promise(() =>
    sql`create table things (id int primary key, name text, at timestamptz, about jsonb)`
  )
  yield* Effect.promise(() =>
    sql`
      insert into things values (1, 'one', '2026-02-03T04:05:06.789Z', '{"known": 1, "unknown": 2}'),
        (2, null, null, '[3]')`
  )
  return { sql, database: yield* openDatabase(url) }
})

const defectOf = <A, E>(effect: Effect.Effect<A, E>) => Effect.map(Effect.exit(effect), String)

describe("rows", () => {
  it.live("are what their schema makes of them, without columns that it does not name", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      const Thing = Schema.Struct({
        id: Schema.Int,
        at: Schema.NullOr(isoTime),
        about: json<{ readonly known: number } | ReadonlyArray<number>>(),
      })
      const read = database.query((sql) => sql.rows(Thing)`select * from things order by id`)
      assert.deepStrictEqual(yield* read, [
        // Parts that this version does not know are kept.
        { id: 1, at: "2026-02-03T04:05:06.789Z", about: { known: 1, unknown: 2 } as never },
        { id: 2, at: null, about: [3] },
      ])
      const first = database.query((sql) => sql.row(Thing)`select * from things where id = ${2}`)
      assert.strictEqual((yield* first)?.id, 2)
      const none = database.query((sql) => sql.row(Thing)`select * from things where id = ${3}`)
      assert.isUndefined(yield* none)
    }))

  it.live("that lack a column, or have one of another type, are a defect that names it", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      const Thing = Schema.Struct({ id: Schema.Int, name: text<"one">() })
      const forgotten = yield* defectOf(
        database.query((sql) => sql.rows(Thing)`select id from things`),
      )
      assert.match(forgotten, /Missing key\s+at \[0\]\["name"\]/)
      const wrong = yield* defectOf(
        database.query((sql) => sql.rows(Thing)`select id, name from things order by id`),
      )
      assert.match(wrong, /\[1\]\["name"\]/)
      yield* database.ping
    }))

  it.live("that are a defect undo their transaction", () =>
    Effect.gen(function* () {
      const { database, sql } = yield* setUp
      const Thing = Schema.Struct({ nome: Schema.String })
      const exit = yield* defectOf(
        database.transaction((sql) =>
          sql.rows(Thing)`update things set name = 'changed' returning name`
        ),
      )
      assert.match(exit, /\["nome"\]/)
      const { count } = yield* Effect.promise(() => sql`select from things where name = 'changed'`)
      assert.strictEqual(count, 0)
    }))
})

describe("a statement", () => {
  it.live("gives the number of rows that it affected, and is sent each time that it runs", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      const counts = yield* database.query((sql) => {
        const remove = sql`delete from things`
        return Effect.all([remove, remove])
      })
      assert.deepStrictEqual(counts, [2, 0])
    }))

  it.live("is put together from parts, names, lists and JSON", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      const about = { 'a"b': ["\\", null] }
      const row = yield* database.query((sql) => {
        const only = sql.part`where id = any(${[1, 7]}::int[]) and ${sql.part("name")} = ${"one"}`
        return sql.row(Schema.Struct({ about: Schema.Unknown }))`
          update ${sql.part("things")} set about = ${sql.json(about)} ${only} returning about`
      })
      assert.deepStrictEqual(row, { about })
    }))
})

describe("a user who is interrupted in a transaction", () => {
  it.live("leaves nothing behind, and nobody gets the connection", () =>
    Effect.gen(function* () {
      const { database, sql } = yield* setUp
      const Pid = Schema.Struct({ pid: Schema.Int })
      let pid = 0
      for (const leaves of [Effect.never, Effect.void]) {
        const left = database.transaction(Effect.fnUntraced(function* (sql) {
          const row = yield* sql.row(Pid)`
            update things set name = 'changed' returning pg_backend_pid() as pid`
          pid = row!.pid
          yield* leaves
          yield* sql`select pg_sleep(10)`
        }))
        yield* Effect.timeoutOption(left, "200 millis")
        const now = yield* Effect.forEach(
          Array(4).keys(),
          () => database.query((sql) => sql.row(Pid)`select pg_backend_pid() as pid`),
          { concurrency: "unbounded" },
        )
        assert.notInclude(now.map((row) => row?.pid), pid)
        const { count } = yield* Effect.promise(() =>
          sql`select from things where name = 'changed'`
        )
        assert.strictEqual(count, 0)
      }
    }))
})

describe("a user who is interrupted in a statement", () => {
  it.live("costs no connection: the statement finishes", () =>
    Effect.gen(function* () {
      const { database, sql } = yield* setUp
      const row = yield* database.query((sql) =>
        sql.row(Schema.Struct({ pid: Schema.Int }))`select pg_backend_pid() as pid`
      )
      const stateNow = async () =>
        (await sql`select state from pg_stat_activity where pid = ${row!.pid}`)[0]?.["state"]
      const holder = yield* Effect.acquireRelease(
        Effect.promise(() => sql.reserve()),
        (holder) => Effect.sync(() => holder.release()),
      )
      yield* Effect.promise(() => holder`select pg_advisory_lock(1)`)
      const slow = database.query((sql) => sql`select pg_advisory_lock(1)`)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(slow, "50 millis")))
      assert.strictEqual(yield* Effect.promise(stateNow), "active")
      yield* Effect.promise(() => holder`select pg_advisory_unlock(1)`)
      let state = "active"
      while (state === "active") state = yield* Effect.promise(stateNow)
      assert.strictEqual(state, "idle")
    }))
})
