/** Changes that notify nobody, for tests in which nobody waits for one. */
import { Effect, Layer } from "effect"
import { Changes } from "#services/orders/changes.ts"

export const noChanges: Layer.Layer<Changes> = Layer.succeed(Changes, {
  watch: () => Effect.succeed(Effect.never),
  watched: () => [],
  tell: () => Effect.void,
  onFinal: () => Effect.void,
})
