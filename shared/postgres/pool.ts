/**
 * A bounded pool of connections, and of those who wait for one. Who comes first is served first; a connection that broke, or whose user left in the middle
 * of a statement, is not used again, so nothing of one user ever reaches another.
 */
import { Cause, Effect, Exit, Option, type Scope, Semaphore } from "effect"
import { type Connection, openConnection } from "./connection.ts"

export interface Pool {
  /** Runs statements on a connection of their own. Fails with the defect of whatever dies there. */
  readonly use: <A>(
    run: (connection: Connection) => Effect.Effect<A>,
  ) => Effect.Effect<A, unknown>
}

/** Whoever comes when so many wait already would be answered after the client has given up. */
export const mostWaiting = 1_000

/** As PostgreSQL has it, too_many_connections: nothing was sent, and it passes. */
const tooMany = Object.assign(new Error("Too many wait for a connection"), { code: "53300" })

/** Opens at most `size` connections, when they are needed; the scope closes them after their last statement. */
export const makePool = (
  { service, url, size }: { readonly service: string; readonly url: URL; readonly size: number },
): Effect.Effect<Pool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const permits = yield* Semaphore.make(size)
    let present = 0
    const idle: Array<Connection> = []
    const take = (): Connection => {
      const connection = idle.pop() ?? openConnection(service, url)
      return connection.isBroken() ? take() : connection
    }
    const giveBack = (connection: Connection, exit: Exit.Exit<unknown, unknown>) =>
      Effect.sync(() => mayGoOn(connection, exit) ? idle.push(connection) : connection.close())
    yield* Effect.addFinalizer(() =>
      Effect.timeoutOption(permits.take(size), "5 seconds").pipe(
        Effect.andThen(Effect.sync(() => idle.forEach((connection) => connection.close()))),
      )
    )
    return {
      use: (run) =>
        Effect.suspend(() => {
          if (present >= size + mostWaiting) return Effect.fail(tooMany)
          present++
          return permits.withPermit(
            Effect.acquireUseRelease(
              Effect.sync(take),
              (connection) =>
                Effect.catchDefect(Effect.andThen(connection.opened, run(connection)), Effect.fail),
              giveBack,
            ),
          ).pipe(Effect.ensuring(Effect.sync(() => present--)))
        }),
    }
  })

const mayGoOn = (connection: Connection, exit: Exit.Exit<unknown, unknown>): boolean => {
  if (connection.isBroken() || !connection.isQuiet()) return false
  if (Exit.isSuccess(exit)) return true
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return error !== undefined && (error as { severity?: unknown }).severity !== "FATAL"
}
