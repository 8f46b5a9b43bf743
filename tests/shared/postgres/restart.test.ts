/**
 * A server of the test's own that is stopped, killed or not yet there: the Database needs no
 * restart.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import { freePort } from "#tests/support/free-port.ts"
import { openLine } from "./line.ts"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"
import { ownServer } from "./own-server.ts"

const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Exit.isSuccess(exit)
    ? "ok"
    : Option.getOrUndefined(Cause.findErrorOption(exit.cause))?._tag ?? "defect"

/** Lets the time of the test pass until the fiber is over; returns the seconds that it took. */
const secondsUntilOver = Effect.fnUntraced(function* (fiber: Fiber.Fiber<unknown, unknown>) {
  let seconds = 0
  yield* TestClock.adjust("1 second").pipe(
    Effect.andThen(Effect.sync(() => seconds += 1)),
    Effect.andThen(TestClock.withLive(Effect.sleep("10 millis"))),
    Effect.repeat({ while: () => fiber.pollUnsafe() === undefined }),
  )
  return seconds
})

/**
 * On a busy machine, some of these seconds pass before the first try and after the last one. A
 * command ends before a service does all the same.
 */
const margin = 49

describe("a server that goes and comes back", () => {
  it.live(
    "interrupts requests and notifications only for that time, without a restart of the service",
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

  const limits = [["a service", false, 60], ["a command", true, 10]] as const
  for (const [who, onlyLooking, limit] of limits) {
    it.effect(`that does not come is told by ${who} after ${limit} s, with what to do`, () =>
      Effect.gen(function* () {
        const port = yield* Effect.promise(freePort)
        const opening = yield* Effect.forkChild(
          Effect.flip(openDatabase(`postgres://test:s3cret@127.0.0.1:${port}/shop`)).pipe(
            Effect.provideService(OnlyLooking, onlyLooking),
          ),
        )
        const seconds = yield* secondsUntilOver(opening)
        const { message } = yield* Fiber.join(opening)
        assert.strictEqual(
          message,
          `test cannot use its database shop at 127.0.0.1:${port}: The database cannot be used ` +
            `now (ECONNREFUSED). Check DATABASE_URL and the role's rights`,
        )
        assert.isAtLeast(seconds, limit)
        assert.isAtMost(seconds, limit + margin)
      }))
  }

  it.effect("that swallows everything is a failure within a minute, including all tries", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(freePort)
      const line = yield* openLine(`postgres://test:s3cret@127.0.0.1:${port}/shop`)
      line.become = "swallowing"
      const url = new URL(line.url)
      // Longer than a try may take, so that the try's own limit ends it.
      url.searchParams.set("connect_timeout", "60")
      const opening = yield* Effect.forkChild(Effect.flip(openDatabase(url.href)))
      const seconds = yield* secondsUntilOver(opening)
      const { message } = yield* Fiber.join(opening)
      assert.match(message, /The database did not answer \(timeout\)\. Check DATABASE_URL/)
      assert.isAtMost(seconds, 60 + margin)
    }))
})

describe("a listener", () => {
  it.effect("whose line went dead silently listens on another one", () =>
    Effect.gen(function* () {
      const line = yield* openLine(yield* newDatabase)
      const database = yield* openDatabase(line.url)
      const heard: Array<string | null> = []
      yield* database.listen("news", (payload) => heard.push(payload))
      line.hold()
      yield* TestClock.adjust("20 seconds")
      line.letGo()
      yield* TestClock.withLive(until("the database to listen again", () => heard.length === 2))
      assert.deepStrictEqual(heard, [null, null])
    }))

  it.effect("whose connections are all cut comes back at once, then more and more slowly", () =>
    Effect.gen(function* () {
      const line = yield* openLine(yield* newDatabase)
      const database = yield* openDatabase(line.url)
      const heard: Array<string | null> = []
      yield* database.listen("news", (payload) => heard.push(payload))
      line.reset()
      yield* TestClock.withLive(until("the database to listen again", () => heard.length === 2))
      line.become = "hanging up"
      const before = line.accepted()
      line.reset()
      for (let n = 0; n < 50; n++) {
        yield* TestClock.adjust("100 millis")
        yield* TestClock.withLive(Effect.sleep("5 millis"))
      }
      assert.isAtMost(line.accepted() - before, 10)
      line.become = "open"
      yield* TestClock.adjust("1 second").pipe(
        Effect.andThen(TestClock.withLive(Effect.sleep("5 millis"))),
        Effect.repeat({ while: () => heard.length < 3 }),
      )
    }))
})
