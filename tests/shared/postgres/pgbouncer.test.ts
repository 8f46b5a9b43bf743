/**
 * Behind a pooler: in session mode a service works as without one; in the other modes it does not
 * start, and says why.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { isoTime } from "#shared/postgres/columns.ts"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"
import { hasPgbouncer, startPgbouncer } from "./pgbouncer.ts"

if (!hasPgbouncer) console.warn("There is no pgbouncer on the PATH: its tests were NOT run.")

const behind = (...settings: ReadonlyArray<string>) =>
  Effect.flatMap(newDatabase, (url) => startPgbouncer(url, ...settings))

const refusal = (url: string) =>
  Effect.map(Effect.flip(Effect.scoped(openDatabase(url))), ({ message }) => message)

const many = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.forEach(Array(count).keys(), () => effect, { concurrency: "unbounded" })

const Read = Schema.Struct({ at: isoTime, timeout: Schema.String, scan: Schema.String })

describe.skipIf(!hasPgbouncer)("behind pgbouncer", () => {
  it.live("with its defaults, everything works: settings, transactions, notifications", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      const database = yield* openDatabase(yield* startPgbouncer(url))
      const heard: Array<string | null> = []
      yield* database.listen("news", (payload) => heard.push(payload))
      yield* database.query((sql) => sql`create table kept (n int primary key, value int)`)
      yield* database.query((sql) => sql`insert into kept values (1, 0)`)
      const increment = database.transaction((sql) =>
        sql`update kept set value = value + 1 where n = ${1}`
      )
      yield* many(100, increment)
      const [row] = yield* Effect.promise(() => sql`select value from kept`)
      assert.strictEqual(row?.["value"], 100)
      const read = yield* many(
        20,
        database.query((sql) =>
          sql.row(Read)`
          select ${"2026-02-03T04:05:06.789Z"}::timestamptz as at,
            current_setting('statement_timeout') as timeout, current_setting('enable_seqscan') as scan`
        ),
      )
      for (const one of read) {
        assert.deepStrictEqual(one, { at: "2026-02-03T04:05:06.789Z", timeout: "10s", scan: "off" })
      }
      yield* database.query((sql) => sql`select pg_notify('news', 'one')`)
      yield* until("the news", () => heard.at(-1) === "one")
    }))

  it.live(
    "in transaction mode, the start is refused, in whatever order the pooler hands out sessions",
    () =>
      Effect.gen(function* () {
        const words = /transaction mode.*: use its session mode, or connect to PostgreSQL directly$/
        for (const more of [[], ["server_round_robin = 1"]]) {
          for (const sessions of [0, 2, 3]) {
            const url = yield* behind("pool_mode = transaction", ...more)
            // This many sessions are open and idle before the service starts.
            yield* many(
              sessions,
              Effect.flatMap(onlooker(url), (sql) =>
                Effect.promise(() => sql.unsafe("select pg_sleep(0.2)"))),
            ).pipe(Effect.scoped)
            assert.match(yield* refusal(url), words)
          }
        }
      }),
  )

  it.live("in statement mode, the start is refused", () =>
    Effect.gen(function* () {
      const url = yield* behind("pool_mode = statement")
      assert.match(yield* refusal(url), /transaction mode/)
    }))

  it.effect("that refuses for a minute, the start fails with the pooler's own message", () =>
    Effect.gen(function* () {
      const url = new URL(yield* TestClock.withLive(behind()))
      url.searchParams.set("options", "endpoint=shop")
      const opening = yield* Effect.forkChild(refusal(url.href))
      yield* TestClock.adjust("1 second").pipe(
        Effect.andThen(TestClock.withLive(Effect.sleep("5 millis"))),
        Effect.repeat({ while: () => opening.pollUnsafe() === undefined }),
      )
      assert.match(yield* Fiber.join(opening), /\(08P01\): unsupported startup parameter: options/)
    }))
})
