/** Real hashes, on real threads. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Passwords, passwordsLayer } from "#services/auth/passwords.ts"
import { Turns, turnsLayer } from "#services/auth/turns.ts"

describe("passwords", () => {
  it.live("keep their turn until they are hashed or compared, even without a caller", () =>
    Effect.gen(function* () {
      const { hash, matches } = yield* Passwords
      const { logIn } = yield* Turns
      const known = yield* hash("one password")
      for (const work of [hash("another one"), matches(known, "one password")]) {
        const asked = yield* Effect.forkChild(logIn(["one"], work as Effect.Effect<unknown>), {
          startImmediately: true,
        })
        // A thread's work ends in a later turn of the event loop. An interruption that does not
        // wait for it ends in this turn.
        let later = false
        setImmediate(() => later = true)
        yield* Fiber.interrupt(asked)
        assert.isTrue(later)
      }
    }).pipe(Effect.provide(Layer.merge(passwordsLayer, turnsLayer))))
})
