/**
 * Who waits for a connection to a database that does not answer: a limited number, for a limited
 * time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { mostWaiting } from "#shared/postgres/pool.ts"
import { Unavailable } from "#shared/transient.ts"
import { openLine } from "./line.ts"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"

const size = 2

describe("makePool", () => {
  it.live("refuses one caller too many at once, and accepts callers again when there is room", () =>
    Effect.gen(function* () {
      const line = yield* openLine(yield* newDatabase)
      const { query, transaction } = yield* openDatabase(line.url, { poolSize: size })
      line.hold()
      const present = yield* Effect.forEach(
        Array.from({ length: size + mostWaiting }),
        () => Effect.forkChild(query((sql) => sql`select 1`), { startImmediately: true }),
      )
      for (const one of [query((sql) => sql`select 1`), transaction((sql) => sql`select 1`)]) {
        const error = yield* Effect.flip(one)
        assert.instanceOf(error, Unavailable)
        assert.strictEqual(error.message, "The database cannot be used now (53300)")
      }
      assert.isTrue(present.every((fiber) => fiber.pollUnsafe() === undefined))
      line.letGo()
      assert.isTrue((yield* Effect.forEach(present, Fiber.await)).every(Exit.isSuccess))
      yield* query((sql) => sql`select 1`)
    }))

  it.live("never sends a statement whose caller left before there was a connection for it", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const line = yield* openLine(url)
      const { query } = yield* openDatabase(line.url, { poolSize: size })
      yield* query((sql) => sql`create table said (n int)`)
      const watching = yield* onlooker(url)
      const said = async () => (await watching`select n from said`).map(({ n }) => n as number)
      const say = (n: number) =>
        Effect.forkChild(query((sql) => sql`insert into said values (${n})`), {
          startImmediately: true,
        })
      line.hold()
      const begun = yield* Effect.forEach(Array.from({ length: size }, (_, n) => n), say)
      const waiting = yield* Effect.forEach([10, 11, 12], say)
      yield* Fiber.interruptAll([...begun, ...waiting])
      line.letGo()
      yield* query((sql) => sql`insert into said values (20)`)
      yield* until(
        "the statement that had begun to finish",
        async () => (await said()).length === size + 1,
      )
      assert.sameMembers(yield* Effect.promise(said), [0, 1, 20])
    }))
})
