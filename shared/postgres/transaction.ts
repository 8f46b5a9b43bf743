/** One run of a transaction on a connection, with as few round trips as there can be. */
import { Cause, Effect, Exit } from "effect"
import { ask, type Connection } from "./connection.ts"
import { type Sql, sqlOn } from "./sql.ts"
import type { LastStatements } from "./store.ts"

/** Thrown inside a transaction: another one came first, so this one is rolled back and run again. */
export class LostConflict extends Error {
  /** PostgreSQL's own code for a lost conflict. */
  readonly code = "40001"
}

/** Runs a transaction to its end: committed, or rolled back and dead of whatever ended it. */
export const inTransaction =
  <A>(run: (sql: Sql, last: LastStatements) => Effect.Effect<A>) =>
  (connection: Connection): Effect.Effect<A> =>
    Effect.suspend(() => {
      const { driver, send, close } = connection
      const { sql, end } = sqlOn(connection)
      // Nothing that comes later may take effect then, and what came along was not to change anything.
      send(driver`begin`, (begun) => Exit.isFailure(begun) && close())
      let committed = false
      const commit = Effect.suspend(() => {
        committed = true
        end()
        // PostgreSQL answers ROLLBACK when a statement failed, whether or not anybody minded.
        return Effect.flatMap(
          ask(connection, () => driver`commit`),
          ({ command }) => command === "COMMIT" ? Effect.void : unnoticed,
        )
      })
      const last: LastStatements = Effect.fnUntraced(function* (statements) {
        // Each is sent in this moment, and COMMIT behind them.
        const [ended, exits] = yield* Effect.all([
          Effect.forEach(statements, Effect.exit, unbounded),
          Effect.exit(commit),
        ], unbounded)
        // When one fails all later ones do, and COMMIT too: it is the first that tells why.
        const results = yield* Effect.forEach(ended, (exit) => exit)
        yield* exits
        return results
      })
      // Should it fail, nobody knows what the connection is in the middle of.
      const rollBack = Effect.map(
        Effect.exit(ask(connection, () => driver`rollback`)),
        (exit) => Exit.isFailure(exit) && close(),
      )
      return Effect.tap(run(sql, last), () => committed ? Effect.void : commit).pipe(
        Effect.catchCause((cause) => {
          end()
          // Who is interrupted leaves at once; its connection is closed.
          const undone = Cause.hasInterruptsOnly(cause) ? Effect.void : rollBack
          return Effect.andThen(undone, Effect.failCause(cause))
        }),
      )
    })

const unbounded = { concurrency: "unbounded" } as const

const unnoticed = Exit.die(new Error("A statement of the transaction failed unnoticed"))
