/**
 * Limits the concurrent requests of each operator, so that one with many leaves room for the
 * others.
 */
import { Effect } from "effect"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Permit } from "#shared/http/route.ts"
import type { User } from "#shared/security/user-tokens.ts"

const tooManyOfYours = new Problem({
  status: 429,
  code: "too_many_requests",
  detail: "Too many of your requests are in progress. Wait until some are answered.",
  headers: { "retry-after": "1" },
})

const tooMany = new Problem({
  status: 503,
  code: "overloaded",
  detail:
    "Too many requests of operators are in progress. Nothing was done. Try again in a moment.",
  headers: { "retry-after": "1" },
})

/**
 * Makes permits of which `most` are out at a time. One operator gets at most a `part` of those that
 * are free.
 */
export const operatorsShare = (
  { most, part }: { readonly most: number; readonly part: number },
) => {
  const share = fairShare({ most, part })
  const refusals = { room: undefined, "over share": tooManyOfYours, full: tooMany }
  return ({ caller: { username } }: { readonly caller: User }): Effect.Effect<Permit> =>
    Effect.sync(() => {
      let has = false
      return {
        enter: Effect.suspend(() => {
          const refusal = refusals[share.take(username)]
          if (refusal !== undefined) return Effect.fail(refusal)
          has = true
          return Effect.void
        }),
        leave: () => {
          if (has) share.giveBack(username)
          has = false
        },
      }
    })
}

export type Permits = ReturnType<typeof operatorsShare>
