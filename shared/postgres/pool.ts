/**
 * A bounded pool of connections, and of those who wait for one. Who comes first is served first; a connection that broke, or
 * whose user left in the middle of a statement, is not used again, so nothing of one user ever reaches another. When one turns
 * out to lead elsewhere than it has to, say to a primary that is a standby by now, so may all that are open, and none of them
 * is used again.
 */
import { Cause, Effect, Exit, Fiber, Option, type Scope, Semaphore } from "effect"
import type { Connection } from "./connection.ts"
import { poolUse } from "./pool-use.ts"
import { meaningOf, NotOpened, severityOf } from "./sqlstates.ts"

export interface Pool {
  /** Runs statements on a connection of their own. Fails with the defect of whatever dies there. */
  readonly use: <A>(
    run: (connection: Connection) => Effect.Effect<A>,
  ) => Effect.Effect<A, unknown>
  /**
   * The same, but what has begun is seen through when nobody waits for it any more: else whoever asks and hangs up, again and
   * again, has a connection closed and another one opened each time. What still waits for a connection never begins then.
   */
  readonly useThrough: Pool["use"]
}

/** Whoever comes when so many wait already would be answered after the client has given up. */
export const mostWaiting = 1_000

/** As PostgreSQL has it, too_many_connections: nothing was sent, and it passes. */
const tooMany = Object.assign(new Error("Too many wait for a connection"), { code: "53300" })

/** Opens at most `size` connections, when they are needed; the scope closes them after their last statement. */
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
  // One that was not even opened says nothing about the others.
  return error !== undefined && !(error instanceof NotOpened) && meaningOf(error).elsewhere === true
}
