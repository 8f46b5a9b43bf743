/** A process that would close its scope, but crashes instead. */
import { Effect } from "effect"
import { Crash } from "#shared/faults/crash.ts"

await Effect.runPromise(
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() => Effect.sync(() => console.log("closed")))
    console.log("open")
    yield* yield* Crash
  }).pipe(Effect.scoped),
)
