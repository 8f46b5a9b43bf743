import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import createClient from "postgres"
import { runScript } from "#tests/compose/embedded/another-process.ts"
import { temporaryFolder } from "#tests/compose/embedded/temporary-folder.ts"
import { createDatabase, setup } from "./postgres.ts"

/** Sets a variable of the environment until the scope closes; undefined removes it. */
const withVariable = (name: string, value: string | undefined) => {
  const set = (text: string | undefined) =>
    Effect.sync(() => {
      if (text === undefined) delete process.env[name]
      else process.env[name] = text
    })
  const before = process.env[name]
  return Effect.acquireRelease(set(value), () => set(before))
}

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
  it.live("gives each caller an empty database, and removes what killed runs left", () =>
    Effect.gen(function* () {
      const temporary = yield* temporaryFolder
      yield* withVariable("TMPDIR", temporary)
      yield* withVariable(variable, undefined)
      const [killed, alive] = ["killed", "alive"].map((run) =>
        path.join(temporary, `unwind-test-postgres-${run}`)
      ) as [string, string]
      const other = yield* runScript("hold-data-folder.ts", killed)
      yield* other.kill
      yield* runScript("hold-data-folder.ts", alive)
      const teardown = yield* Effect.promise(setup)
      assert.isFalse(fs.existsSync(killed))
      assert.isTrue(fs.existsSync(alive))

      const mine = yield* Effect.promise(() => createDatabase("orders"))
      const another = yield* Effect.promise(() => createDatabase("orders"))
      yield* createTable(mine.url)
      assert.deepStrictEqual(yield* tables(mine.url), ["mine"])
      assert.deepStrictEqual(yield* tables(another.url), [])
      yield* Effect.promise(() => mine.drop())

      yield* Effect.promise(teardown)
      assert.deepStrictEqual(fs.readdirSync(os.tmpdir()), [path.basename(alive)])
    }))

  it.live("is the one that UNWIND_TEST_POSTGRES_URL names, if it is set", () =>
    Effect.gen(function* () {
      yield* withVariable(variable, "postgres://named")
      const teardown = yield* Effect.promise(setup)
      assert.strictEqual(process.env[variable], "postgres://named")
      yield* Effect.promise(teardown)
    }))

  it.live("says what is missing if there is none", () =>
    Effect.gen(function* () {
      yield* withVariable(variable, undefined)
      const failure = yield* Effect.promise(() => createDatabase().then(() => "", String))
      assert.include(failure, `${variable} is not set`)
    }))
})
