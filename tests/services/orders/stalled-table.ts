/** The orders table while another transaction blocks writes to it. */
import { Effect, type Scope } from "effect"
import type { Sql } from "postgres"
import { waitingForLocks } from "#tests/support/waiting-for-locks.ts"
import { until } from "./until.ts"

/** Blocks writes to the orders table until the scope closes. Reads go on. */
export const stallWrites = (sql: Sql): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.promise(async () => {
      const connection = await sql.reserve()
      await connection`begin`
      await connection`lock table orders in share mode`
      return connection
    }),
    (connection) =>
      Effect.promise(async () => {
        await connection`rollback`
        connection.release()
      }),
  ))

/** Waits until a batch of orders is blocked. */
export const batchIsBlocked = (sql: Sql): Effect.Effect<void> =>
  until(
    "a batch of orders waits for the lock",
    Effect.promise(async () => await waitingForLocks(sql, "%insert into orders%") === 1),
  )
