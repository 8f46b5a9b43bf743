/**
 * Restarts a service that crashes inside a running process, like a container. Since its memory
 * cannot be taken away, the service stops as if it were told to, but is unreachable at once.
 */
import { Deferred, Effect, Exit, Scope } from "effect"
import { Crash } from "#shared/faults/crash.ts"
import type { Doors } from "#shared/http/doors.ts"

type Starting = Effect.Effect<Doors, { readonly message: string }, Scope.Scope>

/** How long the service is gone, as with a container restart. */
const gone = "1 second"

/**
 * Starts the service, and restarts it after each crash, until the scope closes. `put` gets the
 * doors of each start, and undefined in between. Fails as the first start does.
 */
export const startedAfterCrashes = (
  start: Starting,
  put: (doors: Doors | undefined) => void,
): Effect.Effect<void, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const all = yield* Effect.scope
    const begin = Effect.gen(function* () {
      const crashed = yield* Deferred.make<void>()
      const life = yield* Scope.fork(all)
      const doors = yield* Scope.provide(start, life).pipe(
        Effect.provideService(Crash, Effect.asVoid(Deferred.succeed(crashed, undefined))),
        Effect.onError((cause) => Scope.close(life, Exit.failCause(cause))),
      )
      put(doors)
      return Effect.andThen(
        Deferred.await(crashed),
        Effect.suspend(() => {
          put(undefined)
          return Scope.close(life, Exit.interrupt())
        }),
      )
    })
    const again = begin.pipe(
      Effect.tapError(({ message }) => Effect.logError(`The service does not restart: ${message}`)),
      Effect.delay(gone),
      Effect.eventually,
    )
    const goOn = (ended: Effect.Effect<void>): Effect.Effect<never> =>
      ended.pipe(Effect.andThen(again), Effect.flatMap(goOn))
    yield* Effect.forkScoped(goOn(yield* begin))
  })
