/**
 * The token of the address that `npm start` prints, which signs the first operator in. Each start
 * makes a new one, in the memory of the process that prints it; it works once, and for an hour. A
 * process that prints no address has no token.
 */
import { Context, Effect } from "effect"
import { randomBytes, timingSafeEqual } from "node:crypto"
import { steadyMs } from "#shared/steady-time.ts"

export interface FirstSignIn {
  readonly token: string
  /**
   * Runs the effect with the token taken: nobody else can use it meanwhile, or after a success.
   * Undefined for another token, and for one that is used or too old.
   */
  readonly once: <A, E, R>(
    token: string,
    effect: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A | undefined, E, R>
}

const goodForMs = 60 * 60 * 1000

export const makeFirstSignIn: Effect.Effect<FirstSignIn> = Effect.map(steadyMs, (madeAtMs) => {
  const token = randomBytes(32).toString("base64url")
  let isTaken = false
  const isRight = (given: string) =>
    given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token))
  return {
    token,
    once: (given, effect) =>
      Effect.flatMap(steadyMs, (nowMs) => {
        if (isTaken || nowMs - madeAtMs > goodForMs || !isRight(given)) return Effect.undefined
        isTaken = true
        return Effect.onError(effect, () => Effect.sync(() => isTaken = false))
      }),
  }
})

/** The sign-in of this process; undefined when it prints no address. */
export const CurrentFirstSignIn = Context.Reference<FirstSignIn | undefined>(
  "unwind/auth/CurrentFirstSignIn",
  { defaultValue: () => undefined },
)
