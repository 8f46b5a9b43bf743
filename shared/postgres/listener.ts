/**
 * Listens to a notification channel on a connection of its own, which reconnects whenever it
 * breaks.
 */
import { Cause, Deferred, Effect, Exit, type Scope } from "effect"
import { ask, assertWritable, type Connection, type ConnectionOptions } from "./connection.ts"

/**
 * Calls back for each notification, and with null whenever some may have been missed. Fails with
 * the error of the first connection.
 */
export type Listen = (
  channel: string,
  notified: (payload: string | null) => void,
) => Effect.Effect<void, unknown>

/** Listens until the scope closes. */
export const makeListen = (
  open: (notified: NonNullable<ConnectionOptions["notified"]>) => Connection,
): Effect.Effect<Listen, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => (channel, notified) =>
    Effect.gen(function* () {
      const listens = yield* Deferred.make<void, unknown>()
      let ends = 0
      const onOneConnection = Effect.acquireUseRelease(
        Effect.sync(() => open((of, payload) => of === channel && notified(payload))),
        Effect.fnUntraced(function* (connection) {
          yield* connection.opened
          yield* ask(connection, () => connection.driver.unsafe(`listen "${channel}"`))
          notified(null)
          yield* Deferred.succeed(listens, undefined)
          const lasts = Effect.map(stillHeard(connection), () => void (ends = 0))
          yield* Effect.raceFirst(connection.gone, Effect.forever(lasts))
        }),
        ({ close }) => Effect.sync(close),
      )
      yield* Effect.exit(onOneConnection).pipe(
        Effect.tap((exit) =>
          Exit.isFailure(exit) ? Deferred.fail(listens, Cause.squash(exit.cause)) : Effect.void
        ),
        Effect.andThen(Effect.suspend(() => pause(ends++))),
        Effect.forever,
        Effect.forkIn(scope),
      )
      yield* Deferred.await(listens)
    }))

/** Reconnects at once after a break, and with backoff while the server is away or breaks again. */
const pause = (ends: number) =>
  ends === 0 ? Effect.void : Effect.sleep(Math.min(50 * 2 ** ends, 1000))

/**
 * Checks actively: a listener does not notice that its connection is dead, or its server no primary
 * any more.
 */
const stillHeard = (connection: Connection) =>
  Effect.sleep("5 seconds").pipe(
    Effect.andThen(assertWritable(connection)),
    Effect.timeout("15 seconds"),
  )
