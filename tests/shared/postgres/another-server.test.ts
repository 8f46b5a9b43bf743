/**
 * A server that answers but cannot be written to any more: a primary that is a standby after a
 * failover, or that was made read-only. Its connections are not kept, readiness says why, and the
 * first try after the end of this state succeeds.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { onlooker, openDatabase, until } from "./open-database.ts"
import { ownServer } from "./own-server.ts"

const whyNot = <A, R>(
  effect: Effect.Effect<A, { readonly message: string; readonly _tag: string }, R>,
) => Effect.map(Effect.flip(effect), ({ _tag, message }) => `${_tag}: ${message}`)

describe("a primary that is a standby now", () => {
  it.live(
    "at the same address is reported as such, and the first try after its promotion succeeds",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        const { url } = yield* server.start
        const database = yield* openDatabase(url)
        const heard: Array<string | null> = []
        yield* database.listen("news", (payload) => heard.push(payload))
        yield* database.query((sql) => sql`create table kept (n int primary key)`)
        yield* server.stop
        yield* server.startAsStandby
        const standby =
          /^Unavailable: .*\(25006\): it is a standby: name the address of the primary$/
        const insert = (n: number) => database.query((sql) => sql`insert into kept values (${n})`)
        // The earlier connections have broken, one by one.
        yield* until(
          "statements to reach the standby",
          () => Effect.runPromise(Effect.map(whyNot(insert(1)), (words) => standby.test(words))),
        )
        assert.match(yield* whyNot(database.ping), standby)
        assert.match(
          yield* whyNot(Effect.scoped(openDatabase(url))),
          /it is a standby: name the address/,
        )
        const sql = yield* onlooker(url)
        yield* Effect.promise(() => sql`select pg_promote()`)
        yield* database.ping
        yield* insert(2)
        yield* until("it to listen again", () => heard.filter((news) => news === null).length >= 2)
      }),
  )
})

describe("a server that is made read-only while it is in use", () => {
  it.live(
    "loses all its connections at the first write, and serves again as soon as it is writable",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        const { url } = yield* server.start
        const sql = yield* onlooker(url)
        const database = yield* openDatabase(url, { poolSize: 4 })
        const heard: Array<string | null> = []
        yield* database.listen("news", (payload) => heard.push(payload))
        yield* database.query((sql) => sql`create table kept (n int primary key)`)
        const four = Effect.forEach(
          Array(4).keys(),
          () => database.query((sql) => sql`select pg_sleep(0.1)`),
          {
            concurrency: "unbounded",
          },
        )
        yield* four
        const sessions = Effect.promise(async () =>
          (await sql`select pid from pg_stat_activity where application_name = 'unwind-test' and query not like '%listen%'`)
            .map(({ pid }) => Number(pid))
        )
        const before = yield* sessions
        assert.lengthOf(before, 4)
        const make = (readOnly: boolean) =>
          Effect.gen(function* () {
            yield* Effect.promise(() =>
              sql.unsafe(`alter system set default_transaction_read_only = ${readOnly}`)
            )
            yield* Effect.promise(() => sql`select pg_reload_conf()`)
            yield* until("the server to apply it", async () => {
              const [row] =
                await sql`select current_setting('transaction_read_only')::boolean as on`
              return row?.["on"] === readOnly
            })
          })
        yield* make(true)
        const insert = (n: number) => database.query((sql) => sql`insert into kept values (${n})`)
        const noWrite = /^Unavailable: .*\(25006\)$/
        assert.match(yield* whyNot(insert(1)), noWrite)
        yield* until("all four sessions to end", async () => {
          const now = await Effect.runPromise(sessions)
          return now.every((pid) => !before.includes(pid))
        })
        assert.match(
          yield* whyNot(database.ping),
          /\(25006\): it is read-only: turn default_transaction/,
        )
        yield* make(false)
      }),
  )
})
