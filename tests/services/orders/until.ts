/** Waiting for what happens outside of a test's clock: in databases, queues, other processes. */
import { Effect } from "effect"

/** Waits for what happens outside of the test's clock, at most ten seconds. */
export const until = (
  what: string,
  condition: Effect.Effect<boolean> | (() => boolean),
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const giveUpAt = performance.now() + 10_000
    while (!(yield* typeof condition === "function" ? Effect.sync(condition) : condition)) {
      if (performance.now() > giveUpAt) return yield* Effect.die(new Error(`in vain: ${what}`))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    }
  })
