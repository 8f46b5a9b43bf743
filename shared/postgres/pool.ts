/**
 * A bounded pool of connections and of waiting requests, first come, first served. A connection
 * that broke, or whose user left in the middle of a statement, is not reused, so nothing of one
 * user reaches another. If one connection turns out to lead to the wrong server, say to a primary
 * that became a standby, all others may, too, and none is reused.
 */
import { Cause, Effect, Exit, Fiber, Option, type Scope, Semaphore } from "effect"
import type { Connection } from "./connection.ts"
import { poolUse } from "./pool-use.ts"
import { meaningOf, NotOpened, severityOf } from "./sqlstates.ts"

export interface Pool {
  /** Runs statements on their own connection. Defects that occur there become failures. */
  readonly use: <A>(
    run: (connection: Connection) => Effect.Effect<A>,
  ) => Effect.Effect<A, unknown>
  /**
   * Like `use`, but what has begun runs to its end even if nobody waits for it any more: otherwise
   * clients that hang up again and again would close and open a connection each time. What still
   * waits for a connection is dropped.
   */
  readonly useThrough: Pool["use"]
}

/** The most requests that wait: a further one would be answered after its client has given up. */
export const mostWaiting = 1_000

/** PostgreSQL's too_many_connections: nothing was sent, and a retry may succeed. */
const tooMany = Object.assign(new Error("Too many requests wait for a connection"), {
  code: "53300",
})

/** Opens up to `size` connections on demand; the scope closes them after their last statement. */
export const makePool = (
  open: () => Connection,
  size: number,
  service: string,
): Effect.Effect<Pool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const permits = yield* Semaphore.make(size)
    const use = poolUse(service, size, yield* Effect.context<never>())
    let present = 0
    const idle: Array<Connection> = []
    let trusted = new WeakSet<Connection>()
    const take = (): Connection => {
      const connection = idle.pop() ?? open()
      if (connection.isBroken()) return take()
      trusted.add(connection)
      return connection
    }
    const giveBack = (connection: Connection, exit: Exit.Exit<unknown, unknown>) =>
      Effect.sync(() => {
        if (leadsElsewhere(exit)) {
          trusted = new WeakSet()
          idle.splice(0).forEach(({ close }) => close())
        }
        if (trusted.has(connection) && mayGoOn(connection, exit)) idle.push(connection)
        else connection.close()
      })
    yield* Effect.addFinalizer(() =>
      Effect.timeoutOption(permits.take(size), "5 seconds").pipe(
        Effect.andThen(Effect.sync(() => idle.forEach(({ close }) => close()))),
      )
    )
    const onConnection = <A>(run: (connection: Connection) => Effect.Effect<A>) =>
      Effect.acquireUseRelease(
        Effect.sync(take),
        (connection) =>
          Effect.catchDefect(Effect.andThen(connection.opened, run(connection)), Effect.fail),
        giveBack,
      )
    const counted = <A>(effect: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
      Effect.suspend(() => {
        if (present >= size + mostWaiting) return Effect.fail(tooMany)
        use(++present)
        return Effect.ensuring(effect, Effect.sync(() => use(--present)))
      })
    return {
      use: (run) => counted(permits.withPermit(onConnection(run))),
      useThrough: (run) =>
        counted(Effect.uninterruptibleMask((restore) =>
          restore(permits.take(1)).pipe(
            Effect.andThen(
              Effect.forkDetach(Effect.ensuring(onConnection(run), permits.release(1)), {
                startImmediately: true,
              }),
            ),
            Effect.flatMap((begun) => restore(Fiber.join(begun))),
          )
        )),
    }
  })

const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isSuccess(exit) ? undefined : Option.getOrUndefined(Cause.findErrorOption(exit.cause))

const mayGoOn = (connection: Connection, exit: Exit.Exit<unknown, unknown>): boolean => {
  if (connection.isBroken() || !connection.isQuiet()) return false
  if (Exit.isSuccess(exit)) return true
  const error = errorOf(exit)
  return error !== undefined && severityOf(error) !== "FATAL"
}

const leadsElsewhere = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const error = errorOf(exit)
  // A connection that did not open says nothing about the others.
  return error !== undefined && !(error instanceof NotOpened) && meaningOf(error).elsewhere === true
}
