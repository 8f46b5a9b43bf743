/**
 * The token of the address that `npm start` prints, which signs the first operator in: made anew by each start, in the memory
 * of the one process that prints it, good once and for an hour. Where nothing prints one there is none.
 */
import { Context, Effect } from "effect"
import { randomBytes, timingSafeEqual } from "node:crypto"
import { steadyMs } from "#shared/steady-time.ts"

export interface FirstSignIn {
  readonly token: string
  /**
   * Takes the token for the effect: while it runs, and when it has succeeded, nobody else does. Undefined for another token,
   * and for one that is used or too old.
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

/** The one of this process; undefined where nobody prints an address. */
export const CurrentFirstSignIn = Context.Reference<FirstSignIn | undefined>(
  "unwind/auth/CurrentFirstSignIn",
  { defaultValue: () => undefined },
)
