/** Waits for databases, queues and other processes, which do not follow a test's clock. */
import { Effect } from "effect"
import { patienceMs } from "#tests/support/patience.ts"

/** Waits until the condition holds. Dies with the description when it takes too long. */
export const until = (
  what: string,
  condition: Effect.Effect<boolean> | (() => boolean),
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const giveUpAt = performance.now() + patienceMs
    while (!(yield* typeof condition === "function" ? Effect.sync(condition) : condition)) {
      if (performance.now() > giveUpAt) {
        return yield* Effect.die(new Error(`Waited too long until ${what}`))
      }
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    }
  })
