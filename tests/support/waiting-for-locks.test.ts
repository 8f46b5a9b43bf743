import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import createClient from "postgres"
import { until } from "#tests/services/orders/until.ts"
import { createDatabase } from "./postgres.ts"
import { waitingForLocks } from "./waiting-for-locks.ts"

/** A new database, and a statement in it that waits for a lock until the scope closes. */
const databaseWithOneWaiting = Effect.acquireRelease(
  Effect.promise(async () => {
    const { url, drop } = await createDatabase("locks")
    const sql = createClient(url, { max: 3, onnotice: () => {} })
    await sql`create table kept (n int)`
    const holder = await sql.reserve()
    await holder`begin`
    await holder`lock table kept`
    const waiting = sql`insert into kept values (1)`.execute()
    return { sql, drop, holder, waiting }
  }),
  ({ sql, drop, holder, waiting }) =>
    Effect.promise(async () => {
      await holder`rollback`
      holder.release()
      await waiting
      await sql.end()
      await drop()
    }),
)

describe("waitingForLocks", () => {
  // All tests of a run share one server, and several run at a time.
  it.live("counts the statements of its own database alone", () =>
    Effect.gen(function* () {
      const databases = [yield* databaseWithOneWaiting, yield* databaseWithOneWaiting]
      for (const { sql } of databases) {
        const count = (like?: string) => Effect.promise(() => waitingForLocks(sql, like))
        yield* until("one waits", Effect.map(count(), (n) => n > 0))
        assert.strictEqual(yield* count(), 1)
        assert.strictEqual(yield* count("%insert into kept%"), 1)
        assert.strictEqual(yield* count("%something else%"), 0)
      }
    }))
})
