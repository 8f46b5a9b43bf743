/** How much operators may ask for at the same time: one who asks for everything at once keeps the others from nothing. */
import { Effect } from "effect"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Permit } from "#shared/http/route.ts"
import type { User } from "#shared/security/user-tokens.ts"

const tooManyOfYours = new Problem({
  status: 429,
  code: "too_many_requests",
  detail: "You ask for too much at the same time. Wait until some of it is answered.",
  headers: { "retry-after": "1" },
})

const tooMany = new Problem({
  status: 503,
  code: "overloaded",
  detail: "Operators ask for too much at the same time. Nothing was done; try again in a moment.",
  headers: { "retry-after": "1" },
})

/** Makes the permits of requests, or of streams, of which `most` are answered at a time: of those that are free, one operator gets a part. */
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
