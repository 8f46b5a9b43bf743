/**
 * Keeps a server of the embedded run running: when it ends by itself (killed, out of memory), it is
 * restarted at the same address, so that services reconnect and nobody has to restart anything. It
 * gives up when a start fails.
 */
import { Deferred, Effect, Fiber, type Scope } from "effect"
import type { Ended } from "./server-process.ts"
import type { StartError } from "./start-error.ts"

interface Running {
  readonly url: string
  readonly ended: Ended
}

export interface KeptRunning<A> {
  readonly server: A
  /** Fails when the server could not be restarted; never succeeds. */
  readonly lost: Effect.Effect<never, StartError>
}

/**
 * Starts the server, for the first time and then again at the URL it had. Fails with StartError.
 */
export const keepRunning = <A extends Running>(
  start: (urlBefore: URL | undefined) => Effect.Effect<A, StartError, Scope.Scope>,
): Effect.Effect<KeptRunning<A>, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<A, StartError>()
    const run = (urlBefore: URL | undefined) =>
      Effect.gen(function* () {
        const server = yield* start(urlBefore)
        yield* Deferred.succeed(first, server)
        const { message } = yield* Effect.flip(server.ended)
        yield* Effect.logWarning(`${message}. It is restarted`)
        return new URL(server.url)
      }).pipe(Effect.scoped)
    const keep = (urlBefore: URL | undefined): Effect.Effect<never, StartError> =>
      Effect.flatMap(run(urlBefore), (url) => Effect.delay(keep(url), "1 second"))
    const keeper = yield* keep(undefined).pipe(
      Effect.tapError((error) => Deferred.fail(first, error)),
      Effect.forkScoped,
    )
    return { server: yield* Deferred.await(first), lost: Fiber.join(keeper) }
  })
