/**
 * Keeps a server of the embedded run running: when it ends by itself (killed, out of memory), it is
 * restarted at the same address, so that services reconnect and nobody has to restart anything. It
 * gives up when a start fails.
 */
import { Deferred, Effect, Fiber, type Scope } from "effect"
import type { StartError } from "../start-error.ts"
import type { RunningServer } from "./process.ts"

export interface KeptRunning {
  readonly url: string
  /** Fails when the server could not be restarted; never succeeds. */
  readonly lost: Effect.Effect<never, StartError>
}

/**
 * Starts the server, for the first time and then again at the URL it had. Fails with StartError.
 */
export const keepRunning = (
  start: (urlBefore: URL | undefined) => Effect.Effect<RunningServer, StartError, Scope.Scope>,
): Effect.Effect<KeptRunning, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<string, StartError>()
    const run = (urlBefore: URL | undefined) =>
      Effect.gen(function* () {
        const { url, ended } = yield* start(urlBefore)
        yield* Deferred.succeed(first, url)
        const { message } = yield* Effect.flip(ended)
        yield* Effect.logWarning(`${message}. It is restarted`)
        return new URL(url)
      }).pipe(Effect.scoped)
    const keep = (urlBefore: URL | undefined): Effect.Effect<never, StartError> =>
      Effect.flatMap(run(urlBefore), (url) => Effect.delay(keep(url), "1 second"))
    const keeper = yield* keep(undefined).pipe(
      Effect.tapError((error) => Deferred.fail(first, error)),
      Effect.forkScoped,
    )
    return { url: yield* Deferred.await(first), lost: Fiber.join(keeper) }
  })
