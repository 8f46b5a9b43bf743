/**
 * The presets of a server, a database or a role for their sessions do not change what is read and
 * written.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { isoTime } from "#shared/postgres/columns.ts"
import { tapPostgres } from "#tests/support/tapped-postgres.ts"
import { newDatabase, onlooker, openDatabase } from "./open-database.ts"

/** Values that PostgreSQL accepts, and that would break something here. */
const hostile: Readonly<Record<string, string>> = {
  array_nulls: "off",
  bytea_output: "escape",
  client_encoding: "LATIN1",
  datestyle: "German",
  default_transaction_isolation: "serializable",
  enable_bitmapscan: "on",
  enable_hashjoin: "on",
  enable_indexonlyscan: "off",
  enable_indexscan: "off",
  enable_mergejoin: "on",
  enable_nestloop: "off",
  enable_seqscan: "on",
  enable_sort: "off",
  extra_float_digits: "-10",
  idle_in_transaction_session_timeout: "1",
  intervalstyle: "iso_8601",
  jit: "on",
  lock_timeout: "1",
  plan_cache_mode: "force_custom_plan",
  search_path: "elsewhere",
  standard_conforming_strings: "off",
  statement_timeout: "1h",
  timezone: "Asia/Kathmandu",
}

const Values = Schema.Struct({
  time: isoTime,
  text: Schema.String,
  path: Schema.String,
  bytes: Schema.String,
  interval: Schema.String,
  number: Schema.Number,
  none: Schema.Null,
  schema: Schema.String,
})

/** A value of every kind that a setting can affect, as parameter and as literal. */
const values = (database: Effect.Success<ReturnType<typeof openDatabase>>) =>
  database.query((sql) =>
    sql.row(Values)`
      select ${"2026-02-03T04:05:06.789Z"}::timestamptz as time, ${"Ünïçödé, Кириллица, 中文"}::text as text,
        'C:\\new' as path, '\\x00ff'::bytea::text as bytes, '1 day 2 hours'::interval::text as interval,
        (0.1::float8 + 0.2::float8) as number, (${[
      null,
    ]}::text[])[1] as none, current_schema() as schema`
  )

const read = {
  time: "2026-02-03T04:05:06.789Z",
  text: "Ünïçödé, Кириллица, 中文",
  path: "C:\\new",
  bytes: "\\x00ff",
  interval: "1 day 02:00:00",
  number: 0.30000000000000004,
  none: null,
  schema: "public",
}

const Setting = Schema.Struct({ name: Schema.String, value: Schema.String })

const settingsOf = (database: Effect.Success<ReturnType<typeof openDatabase>>) =>
  Effect.map(
    database.query((sql) =>
      sql.rows(Setting)`select lower(name) as name, setting as value from pg_settings
        where lower(name) = any (${Object.keys(hostile)})`
    ),
    (rows) => Object.fromEntries(rows.map(({ name, value }) => [name, value])),
  )

describe("a session", () => {
  it.live("reads and writes the same whatever its database presets", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const untouched = yield* openDatabase(url)
      assert.deepStrictEqual(yield* values(untouched), read)
      const settings = yield* settingsOf(untouched)
      assert.deepStrictEqual(Object.keys(settings).toSorted(), Object.keys(hostile).toSorted())
      for (const [name, value] of Object.entries(hostile)) {
        assert.notStrictEqual(settings[name], value, name)
      }
      const sql = yield* onlooker(url)
      const [row] = yield* Effect.promise(() => sql`select current_database() as name`)
      for (const [name, value] of Object.entries(hostile)) {
        yield* Effect.promise(() =>
          sql.unsafe(`alter database "${row!["name"]}" set ${name} = '${value}'`)
        )
      }
      const database = yield* openDatabase(url)
      assert.deepStrictEqual(yield* settingsOf(database), settings)
      assert.deepStrictEqual(yield* values(database), read)
    }))

  it.live("reads and writes the same whatever its role presets", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      const role = `preset_${randomUUID()}`
      yield* Effect.acquireRelease(
        Effect.promise(() => sql.unsafe(`create role "${role}" login superuser password 'preset'`)),
        () =>
          Effect.promise(() =>
            sql.unsafe(`drop owned by "${role}"`).then(() => sql.unsafe(`drop role "${role}"`))
          ),
      )
      for (const [name, value] of Object.entries(hostile)) {
        yield* Effect.promise(() => sql.unsafe(`alter role "${role}" set ${name} = '${value}'`))
      }
      const as = new URL(url)
      as.username = role
      as.password = "preset"
      yield* Effect.scoped(Effect.gen(function* () {
        const database = yield* openDatabase(as.href)
        assert.deepStrictEqual(yield* values(database), read)
        const heard: Array<string | null> = []
        yield* database.listen("news", (payload) => heard.push(payload))
        assert.deepStrictEqual(heard, [null])
      }))
    }))

  it.live("gets its settings in one statement, with which it begins, and none later", () =>
    Effect.gen(function* () {
      const { url, statements } = yield* tapPostgres(yield* newDatabase)
      const database = yield* openDatabase(url, { poolSize: 1 })
      const settings = statements.filter((text) => text.includes("set_config"))
      assert.lengthOf(settings, 1)
      assert.strictEqual(statements[0], settings[0])
      const before = statements.length
      yield* database.query((sql) => sql`select 1`)
      assert.deepStrictEqual(statements.slice(before), ["select 1"])
    }))

  it.live("takes the operator's settings from its URL, as parameters and in options", () =>
    Effect.gen(function* () {
      const url = new URL(yield* newDatabase)
      url.searchParams.set("statement_timeout", "7s")
      url.searchParams.set("application_name", "shop's \\ own")
      url.searchParams.set(
        "options",
        '-c lock_timeout=3s --work-mem=8MB -csearch_path="a\\ b",public',
      )
      const database = yield* openDatabase(url.href)
      const Row = Schema.Record(Schema.String, Schema.String)
      const row = yield* database.query((sql) =>
        sql.row(Row)`
          select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
            current_setting('application_name') as name, current_setting('work_mem') as memory,
            current_setting('search_path') as path`
      )
      assert.deepStrictEqual(row, {
        statement: "7s",
        lock: "3s",
        name: "shop's \\ own",
        memory: "8MB",
        path: '"a b",public',
      })
    }))
})
