/**
 * A service that may crash within a process that goes on: it is started again in its place, as a
 * container is. Its memory is not torn away from it, so it stops as if it were told to, only that
 * nobody reaches it from the first moment.
 */
import { Deferred, Effect, Exit, Scope } from "effect"
import { Crash } from "#shared/faults/crash.ts"
import type { Doors } from "#shared/http/app.ts"

type Starting = Effect.Effect<Doors, { readonly message: string }, Scope.Scope>

/** How long it is gone, as whoever restarts containers takes a while. */
const gone = "1 second"

/**
 * Starts the service, and again whenever it crashes, until the scope closes; `put` is told of each
 * life, and of the time between two, when there are no doors. Fails as the first start does.
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
      Effect.tapError(({ message }) => Effect.logError(`It does not start again: ${message}`)),
      Effect.delay(gone),
      Effect.eventually,
    )
    const goOn = (ended: Effect.Effect<void>): Effect.Effect<never> =>
      ended.pipe(Effect.andThen(again), Effect.flatMap(goOn))
    yield* Effect.forkScoped(goOn(yield* begin))
  })
