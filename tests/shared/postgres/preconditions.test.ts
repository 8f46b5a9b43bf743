/**
 * A database that a service cannot work with is refused at the start, in one message that says what
 * to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { oldestVersion } from "#shared/postgres/preconditions.ts"
import { openLine } from "./line.ts"
import { newDatabase, onlooker, openDatabase } from "./open-database.ts"

const refusal = (url: string) =>
  Effect.map(Effect.flip(Effect.scoped(openDatabase(url))), ({ message }) => message)

/** A database created by hand; returns its URL. */
const databaseMadeWith = (how: string) =>
  Effect.gen(function* () {
    const url = new URL(yield* newDatabase)
    const sql = yield* onlooker(url.href)
    const name = `made_${randomUUID()}`
    yield* Effect.acquireRelease(
      Effect.promise(() => sql.unsafe(`create database "${name}" ${how}`)),
      () => Effect.promise(() => sql.unsafe(`drop database "${name}" with (force)`)),
    )
    url.pathname = name
    return { name, url: url.href }
  })

/** A role that owns nothing and may use the database; returns its URL. */
const guestOf = (given: string) =>
  Effect.gen(function* () {
    const sql = yield* onlooker(given)
    const role = `guest_${randomUUID()}`
    yield* Effect.acquireRelease(
      Effect.promise(() => sql.unsafe(`create role "${role}" login password 'guest'`)),
      () =>
        Effect.promise(() =>
          sql.unsafe(`drop owned by "${role}" cascade`).then(() =>
            sql.unsafe(`drop role "${role}"`)
          )
        ),
    )
    const url = new URL(given)
    url.username = role
    url.password = "guest"
    return { role, sql, url: url.href }
  })

describe("an unsuitable database", () => {
  it.live("that cannot store every name says how to create one that can", () =>
    Effect.gen(function* () {
      for (const encoding of ["LATIN1", "SQL_ASCII"]) {
        const { name, url } = yield* databaseMadeWith(
          `encoding '${encoding}' locale 'C' template template0`,
        )
        const message = yield* refusal(url)
        assert.include(message, `its encoding is ${encoding}, which cannot store every name`)
        assert.include(message, `create database "${name}" encoding 'UTF8' template template0`)
      }
    }))

  it.live("whose role may not create tables says what to grant, and is suitable afterwards", () =>
    Effect.gen(function* () {
      const { role, sql, url } = yield* guestOf(yield* newDatabase)
      yield* Effect.promise(() => sql`revoke create on schema public from public`)
      assert.include(
        yield* refusal(url),
        `${role} may not create tables in the schema public: grant create on schema "public" to "${role}"`,
      )
      yield* Effect.promise(() => sql.unsafe(`grant create on schema public to "${role}"`))
      yield* Effect.scoped(openDatabase(url))
    }))

  it.live("without a schema for its tables says how to make one, and is suitable afterwards", () =>
    Effect.gen(function* () {
      const { role, sql, url } = yield* guestOf(yield* newDatabase)
      yield* Effect.promise(() => sql`drop schema public`)
      const remedy = `create schema "${role}" authorization "${role}"`
      assert.include(yield* refusal(url), remedy)
      yield* Effect.promise(() => sql.unsafe(remedy))
      yield* Effect.scoped(openDatabase(url))
    }))

  it.live("whose tables only the role's own search path finds says how to keep them", () =>
    Effect.gen(function* () {
      const given = yield* newDatabase
      const { role, sql, url } = yield* guestOf(given)
      yield* Effect.promise(() => sql.unsafe(`create schema app authorization "${role}"`))
      const named = new URL(url)
      named.searchParams.set("search_path", "app")
      yield* Effect.scoped(openDatabase(named.href))
      yield* Effect.promise(() => sql.unsafe(`alter role "${role}" set search_path = app`))
      assert.include(yield* refusal(url), "add search_path=app to DATABASE_URL")
      yield* Effect.scoped(openDatabase(named.href))
    }))

  it.live("on a server that is too old says which version is needed", () =>
    Effect.gen(function* () {
      const { url } = yield* databaseMadeWith("encoding 'LATIN1' locale 'C' template template0")
      const line = yield* openLine(url)
      // The answer of an older server.
      line.rewrite = (bytes) =>
        Buffer.from(
          bytes.toString("latin1").replace(
            /current_setting\('server_version_num'\)::int/,
            (asked) => `${oldestVersion - 1}`.padEnd(asked.length),
          ),
          "latin1",
        )
      const message = yield* refusal(line.url)
      assert.match(
        message,
        /PostgreSQL \S+.* is too old: use PostgreSQL 15 or newer; its encoding is LATIN1/,
      )
      assert.notInclude(message, "\n")
    }))
})

describe("docs/postgres.md", () => {
  it("names the oldest version that works, which tests/ci.sh tries", () => {
    const read = (file: string) => readFileSync(join(import.meta.dirname, "../../..", file), "utf8")
    const oldest = oldestVersion / 10_000
    assert.include(read("docs/postgres.md"), `**PostgreSQL ${oldest} or newer.** ${oldest} and`)
    assert.include(read("tests/ci.sh"), `pg_virtualenv -v ${oldest} `)
  })
})

describe("a refusal that waiting does not end", () => {
  const cases: Readonly<Record<string, (url: URL) => string>> = {
    "of a wrong password": (url) => {
      url.password = "wrong"
      return "password authentication failed for user"
    },
    "of an unknown database": (url) => {
      url.pathname = "no_such"
      return 'database "no_such" does not exist (3D000)'
    },
    "of an unknown setting": (url) => {
      url.searchParams.set("pgbouncer", "true")
      return 'unrecognized configuration parameter "pgbouncer" (42704)'
    },
    "of a value that a setting cannot have": (url) => {
      url.searchParams.set("lock_timeout", "soon")
      return 'invalid value for parameter "lock_timeout": "soon" (22023)'
    },
  }
  for (const [name, change] of Object.entries(cases)) {
    it.live(`${name} is reported at once, in the server's own words`, () =>
      Effect.gen(function* () {
        const line = yield* openLine(yield* newDatabase)
        const url = new URL(line.url)
        const words = change(url)
        const message = yield* refusal(url.href)
        assert.include(message, words)
        assert.match(message, /\. Check DATABASE_URL and the role's rights$/)
        assert.strictEqual(line.accepted(), 1)
      }))
  }

  it.live("of a role that may not connect is reported at once, in the server's own words", () =>
    Effect.gen(function* () {
      const { sql, url } = yield* guestOf(yield* newDatabase)
      const name = new URL(url).pathname.slice(1)
      yield* Effect.promise(() => sql.unsafe(`revoke connect on database "${name}" from public`))
      assert.include(yield* refusal(url), `permission denied for database "${name}" (42501)`)
    }))
})
