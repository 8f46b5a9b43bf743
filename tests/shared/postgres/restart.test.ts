/** A server that is stopped, killed and not there yet, on a cluster of its own: the Database needs no restart. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { freePort } from "#compose/embedded/free-port.ts"
import { onlooker, openDatabase, until } from "./open-database.ts"
import { ownServer } from "./own-server.ts"

const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Exit.isSuccess(exit)
    ? "ok"
    : Option.getOrUndefined(Cause.findErrorOption(exit.cause))?._tag ?? "defect"

describe("a server that goes and comes back", () => {
  it.live(
    "is waited out by requests, notifications and all, without a restart",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        const { url } = yield* server.start
        const database = yield* openDatabase(url, { poolSize: 3 })
        const heard: Array<string | null> = []
        yield* database.listen("news", (payload) => heard.push(payload))
        yield* database.query((sql) => sql`create table kept (n int primary key)`)

        const ends = new Map<string, number>()
        let stopping = false
        let n = 0
        const told: Array<number> = []
        const requests = Effect.gen(function* () {
          const own = n++
          const exit = yield* Effect.exit(database.transaction((sql) =>
            Effect.andThen(sql`insert into kept values (${own})`, sql`select pg_sleep(0.005)`)
          ))
          ends.set(tagOf(exit), (ends.get(tagOf(exit)) ?? 0) + 1)
          if (Exit.isSuccess(exit)) {
            told.push(own)
          } else yield* Effect.sleep("5 millis")
        }).pipe(Effect.repeat({
          while: () =>
            !stopping,
        }))
        const running = yield* Effect.forkChild(
          Effect.forEach(Array(6).keys(), () => requests, { concurrency: "unbounded" }),
        )
        yield* until("requests to be served", () => (ends.get("ok") ?? 0) > 20)
        yield* server.stop
        const before = ends.get("Unavailable") ?? 0
        yield* until("requests to be refused", () => (ends.get("Unavailable") ?? 0) > before + 5)
        assert.strictEqual(tagOf(yield* Effect.exit(database.ping)), "Unavailable")
        const served = ends.get("ok") ?? 0
        yield* server.start
        yield* until("requests to be served again", () => (ends.get("ok") ?? 0) > served + 20)
        stopping = true
        yield* Fiber.join(running)
        assert.isUndefined(ends.get("defect"))

        const rows = yield* database.query((sql) =>
          sql.rows(Schema.Struct({ n: Schema.Int }))`select n from kept`
        )
        const kept = new Set(rows.map(({ n }) => n))
        for (const own of told) assert.isTrue(kept.has(own), `transaction ${own} is lost`)
        yield* until("it to listen again", () => heard.filter((news) => news === null).length >= 2)
        const sql = yield* onlooker(url)
        yield* Effect.promise(() => sql.notify("news", "after the restart"))
        yield* until("the news", () => heard.at(-1) === "after the restart")
      }),
  )

  it.live("is waited for at the start", () =>
    Effect.gen(function* () {
      const server = yield* ownServer
      const { url } = yield* server.start
      yield* server.stop
      const opening = yield* Effect.forkChild(openDatabase(url))
      yield* server.start
      const database = yield* Fiber.join(opening)
      yield* database.ping
    }))

  it.effect("that does not come within a minute is a failure, with its remedy", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const opening = yield* Effect.forkChild(
        Effect.flip(openDatabase(`postgres://test:s3cret@127.0.0.1:${port}/shop`)),
      )
      yield* TestClock.adjust("1 second").pipe(
        Effect.andThen(TestClock.withLive(Effect.sleep("5 millis"))),
        Effect.repeat({ while: () => opening.pollUnsafe() === undefined }),
      )
      const { message } = yield* Fiber.join(opening)
      assert.strictEqual(
        message,
        `test cannot use its database shop at 127.0.0.1:${port}: The database cannot be used now ` +
          `(ECONNREFUSED). Check DATABASE_URL and the role's rights`,
      )
    }))
})
