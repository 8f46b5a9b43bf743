/** Who waits for a connection of a database that does not answer: no more than so many, and not for ever. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { mostWaiting } from "#shared/postgres/pool.ts"
import { Unavailable } from "#shared/transient.ts"
import { openLine } from "./line.ts"
import { newDatabase, openDatabase } from "./open-database.ts"

const size = 2

describe("makePool", () => {
  it.live("turns away at once who would be one too many, and lets in again when there is room", () =>
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
})
