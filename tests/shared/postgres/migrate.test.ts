import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Sql } from "postgres"
import { newDatabase, onlooker, openDatabase, temporaryFolder } from "./open-database.ts"

type Files = Readonly<Record<string, string>>

const setUp = Effect.gen(function* () {
  const url = yield* newDatabase
  const folder = yield* temporaryFolder
  const write = (files: Files) =>
    Effect.promise(() =>
      Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))
    )
  const start = (settings: Readonly<Record<string, string>> = {}) =>
    Effect.scoped(openDatabase(url, { migrations: folder, settings }))
  return { url, sql: yield* onlooker(url), write, start }
})

const log = "create table log (n serial, what text); insert into log (what) values ('1');"

const logged = (sql: Sql) =>
  Effect.promise(async () => (await sql`select what from log order by n`).map(({ what }) => what))

const tables = (sql: Sql) =>
  Effect.promise(async () =>
    (await sql`select tablename from pg_tables where schemaname = 'public' order by 1`)
      .map(({ tablename }) => tablename)
  )

describe("migrate", () => {
  it.live("applies each file once, in the order of their names, and newer ones later", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      yield* write({
        "0010_ten.sql": "insert into log (what) values ('10')",
        "0002_two.sql":
          "insert into log (what) values ('2a'); insert into log (what) values ('2b')",
        "0001_one.sql": log,
        "notes.md": "this is not SQL",
      })
      yield* start()
      yield* start()
      assert.deepStrictEqual(yield* logged(sql), ["1", "2a", "2b", "10"])
      yield* write({ "0011_eleven.sql": "insert into log (what) values ('11')" })
      yield* start()
      assert.deepStrictEqual(yield* logged(sql), ["1", "2a", "2b", "10", "11"])
    }))

  it.live("lets ten replicas start at once, one of which applies the files", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      yield* write({ "0001_one.sql": `${log} select pg_sleep(0.2);` })
      yield* Effect.forEach(Array(10).keys(), () => start(), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* logged(sql), ["1"])
    }))

  it.live("refuses a file that was changed after it was applied, and says what to do", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      yield* write({ "0001_one.sql": log })
      yield* start()
      yield* write({ "0001_one.sql": `${log} -- more`, "0002_two.sql": "create table two ()" })
      const { message } = yield* Effect.flip(start())
      assert.include(
        message,
        "the migration 0001_one.sql was changed after it was applied; add a new file instead",
      )
      assert.notInclude(yield* tables(sql), "two")
    }))

  it.live("undoes all files when one fails, and names that file", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      yield* write({
        "0001_one.sql": log,
        "0002_two.sql": "create table two (); selec 1",
      })
      const { message } = yield* Effect.flip(start())
      assert.include(message, "0002_two.sql")
      assert.include(message, 'syntax error at or near "selec"')
      assert.notInclude(message, "\n")
      assert.deepStrictEqual(yield* tables(sql), [])
      yield* write({ "0002_two.sql": "create table two ()" })
      yield* start()
      assert.deepStrictEqual(yield* tables(sql), ["log", "migrations", "two"])
    }))

  it.live("gives a file as much time as it needs, unlike other statements", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      yield* write({ "0001_one.sql": `${log} select pg_sleep(0.5);` })
      const impatient = { statement_timeout: "200", lock_timeout: "200" }
      yield* Effect.forEach(Array(3).keys(), () => start(impatient), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* logged(sql), ["1"])
    }))

  it.live("accepts a file with other line ends as the same, whichever were recorded", () =>
    Effect.gen(function* () {
      const { sql, write, start } = yield* setUp
      const text = `-- A table\n${log}\n-- and no more\n`
      const withCrLf = text.replaceAll("\n", "\r\n")
      yield* write({ "0001_one.sql": withCrLf })
      yield* start()
      for (const recorded of [undefined, text, withCrLf]) {
        if (recorded !== undefined) {
          const checksum = createHash("sha256").update(recorded).digest("hex")
          yield* Effect.promise(() => sql`update migrations set checksum = ${checksum}`)
        }
        for (const checkedOut of [withCrLf, text]) {
          yield* write({ "0001_one.sql": checkedOut })
          yield* start()
        }
      }
      assert.deepStrictEqual(yield* logged(sql), ["1"])
      yield* write({ "0001_one.sql": withCrLf.replace("no more", "nothing else") })
      const { message } = yield* Effect.flip(start())
      assert.include(message, "was changed after it was applied")
    }))

  it.live("finds every service's files", () =>
    Effect.gen(function* () {
      const services = join(import.meta.dirname, "../../../services")
      const folders = (yield* Effect.promise(() => readdir(services, { recursive: true })))
        .filter((name) => name.endsWith("migrations")).map((name) => join(services, name))
      assert.isAtLeast(folders.length, 3)
      for (const folder of folders) {
        const url = yield* newDatabase
        yield* Effect.scoped(openDatabase(url, { migrations: folder }))
        const names = (yield* Effect.promise(() => readdir(folder))).filter((name) =>
          name.endsWith(".sql")
        )
        const sql = yield* onlooker(url)
        const applied = yield* Effect.promise(() => sql`select name from migrations order by name`)
        assert.deepStrictEqual(applied.map(({ name }) => name), names.toSorted())
      }
    }))

  it.live("says so when its folder is missing", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const folder = `${yield* temporaryFolder}/none`
      const { message } = yield* Effect.flip(openDatabase(url, { migrations: folder }))
      assert.include(message, folder)
    }))
})
