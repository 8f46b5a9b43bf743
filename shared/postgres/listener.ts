/** Listens to a channel of notifications on a connection of its own, which is made again whenever it breaks. */
import { Cause, Deferred, Effect, Exit, type Scope } from "effect"
import { ask, assertWritable, type Connection, type ConnectionOptions } from "./connection.ts"

/** Calls back for each notification, and with null whenever some may have been missed. Fails with what keeps it from it. */
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
      let failures = 0
      const onOneConnection = Effect.acquireUseRelease(
        Effect.sync(() => open((of, payload) => of === channel && notified(payload))),
        Effect.fnUntraced(function* (connection) {
          yield* connection.opened
          yield* ask(connection, () => connection.driver.unsafe(`listen "${channel}"`))
          failures = 0
          notified(null)
          yield* Deferred.succeed(listens, undefined)
          yield* Effect.raceFirst(connection.gone, Effect.forever(stillHeard(connection)))
        }),
        ({ close }) => Effect.sync(close),
      )
      yield* Effect.exit(onOneConnection).pipe(
        Effect.tap((exit) =>
          Exit.isFailure(exit) ? Deferred.fail(listens, Cause.squash(exit.cause)) : Effect.void
        ),
        Effect.andThen(Effect.suspend(() => Effect.sleep(pauseMs(failures++)))),
        Effect.forever,
        Effect.forkIn(scope),
      )
      yield* Deferred.await(listens)
    }))

/** Quick to come back after a restart of the server, without a storm while it is away. */
const pauseMs = (failures: number) => Math.min(50 * 2 ** failures, 1000)

/** Nothing tells a listener that its line is dead, or that its server is no primary any more. */
const stillHeard = (connection: Connection) =>
  Effect.sleep("5 seconds").pipe(
    Effect.andThen(assertWritable(connection)),
    Effect.timeout("15 seconds"),
  )
