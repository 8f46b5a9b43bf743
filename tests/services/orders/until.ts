/** Waiting for what happens outside of a test's clock: in databases, queues, other processes. */
import { Effect } from "effect"
import { patienceMs } from "#tests/support/patience.ts"

/** Waits for what happens outside of the test's clock, until it takes too long. */
export const until = (
  what: string,
  condition: Effect.Effect<boolean> | (() => boolean),
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const giveUpAt = performance.now() + patienceMs
    while (!(yield* typeof condition === "function" ? Effect.sync(condition) : condition)) {
      if (performance.now() > giveUpAt) return yield* Effect.die(new Error(`in vain: ${what}`))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    }
  })
