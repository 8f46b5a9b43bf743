/** One run of a transaction on a connection, with the fewest round trips. */
import { Cause, Effect, Exit } from "effect"
import { ask, type Connection } from "./connection.ts"
import { type Sql, sqlOn } from "./sql.ts"
import type { LastStatements } from "./store.ts"

/** Thrown inside a transaction that lost a conflict, so that it is rolled back and run again. */
export class LostConflict extends Error {
  /** PostgreSQL's own code for a lost conflict. */
  readonly code = "40001"
}

/** Runs a transaction until it is committed, or rolled back; then it dies with the cause. */
export const inTransaction =
  <A>(run: (sql: Sql, last: LastStatements) => Effect.Effect<A>) =>
  (connection: Connection): Effect.Effect<A> =>
    Effect.suspend(() => {
      const { driver, send, close } = connection
      const { sql, end } = sqlOn(connection)
      // If BEGIN fails, no later statement may take effect; those sent along with it change
      // nothing.
      send(driver`begin`, (begun) => Exit.isFailure(begun) && close())
      let committed = false
      const commit = Effect.suspend(() => {
        committed = true
        end()
        // PostgreSQL answers ROLLBACK if a statement failed, even if its failure was ignored.
        return Effect.flatMap(
          ask(connection, () => driver`commit`),
          ({ command }) => command === "COMMIT" ? Effect.void : unnoticed,
        )
      })
      const last: LastStatements = Effect.fnUntraced(function* (statements) {
        // All are sent at once, followed by COMMIT.
        const [ended, exits] = yield* Effect.all([
          Effect.forEach(statements, Effect.exit, unbounded),
          Effect.exit(commit),
        ], unbounded)
        // If one fails, all later ones and COMMIT fail, too: the first error is the cause.
        const results = yield* Effect.forEach(ended, (exit) => exit)
        yield* exits
        return results
      })
      // If the rollback fails, the state of the connection is unknown.
      const rollBack = Effect.map(
        Effect.exit(ask(connection, () => driver`rollback`)),
        (exit) => Exit.isFailure(exit) && close(),
      )
      return Effect.tap(run(sql, last), () => committed ? Effect.void : commit).pipe(
        Effect.catchCause((cause) => {
          end()
          // After an interruption nothing waits for a rollback: the pool closes the connection.
          const undone = Cause.hasInterruptsOnly(cause) ? Effect.void : rollBack
          return Effect.andThen(undone, Effect.failCause(cause))
        }),
      )
    })

const unbounded = { concurrency: "unbounded" } as const

const unnoticed = Exit.die(new Error("A statement of the transaction failed unnoticed"))
