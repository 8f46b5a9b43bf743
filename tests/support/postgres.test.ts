import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import createClient from "postgres"
import { temporaryFolder } from "#tests/compose/embedded/temporary-folder.ts"
import { createDatabase, startRunsPostgres } from "./postgres.ts"
import { withVariable } from "./with-variable.ts"

const variable = "UNWIND_TEST_POSTGRES_URL"

const tables = (url: string) =>
  Effect.promise(() => {
    const sql = createClient(url, { max: 1 })
    return sql`select tablename from pg_tables where schemaname = 'public'`.then(
      (rows) => rows.map((row) => row["tablename"]),
    ).finally(() => sql.end())
  })

const createTable = (url: string) =>
  Effect.promise(() => {
    const sql = createClient(url, { max: 1 })
    return sql`create table mine (value text)`.finally(() => sql.end())
  })

describe("the PostgreSQL of a test run", () => {
  it.live("gives each caller an empty database", () =>
    Effect.gen(function* () {
      yield* withVariable(variable, undefined)
      const folder = yield* temporaryFolder
      yield* Effect.acquireRelease(
        Effect.promise(() => startRunsPostgres(path.join(folder, "postgres"))),
        (stop) => Effect.promise(stop),
      )
      const mine = yield* Effect.promise(() => createDatabase("orders"))
      const another = yield* Effect.promise(() => createDatabase("orders"))
      yield* createTable(mine.url)
      assert.deepStrictEqual(yield* tables(mine.url), ["mine"])
      assert.deepStrictEqual(yield* tables(another.url), [])
      yield* Effect.promise(() => mine.drop())
    }))

  it.live("is the one that UNWIND_TEST_POSTGRES_URL names, if it is set", () =>
    Effect.gen(function* () {
      yield* withVariable(variable, "postgres://named")
      const stop = yield* Effect.promise(() => startRunsPostgres("not used"))
      assert.strictEqual(process.env[variable], "postgres://named")
      yield* Effect.promise(stop)
    }))

  it.live("says what is missing if there is none", () =>
    Effect.gen(function* () {
      yield* withVariable(variable, undefined)
      const failure = yield* Effect.promise(() => createDatabase().then(() => "", String))
      assert.include(failure, `${variable} is not set`)
    }))
})
