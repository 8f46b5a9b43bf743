/**
 * Goal 6, replicas: more replicas of orders and of the orchestrator, on the same two processors,
 * are not slower.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn, type RunEffect } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import type { Subject } from "../subject.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { decideQueued } from "../work/decide-queued.ts"

const counts = [1, 2, 4]
/** Each round starts all services again. */
const roundsAtMost = 3
/** Runs of the same system differ by this much. */
const leastOfOne = 0.95

const ways = {
  "queue-to-decision": decideQueued,
  "end-to-end": decidePosted,
} satisfies Record<string, (subject: Subject, orders: number) => RunEffect>

export const replicas = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders, runs } } = hall
  const parts = counts.flatMap((count) =>
    Object.entries(ways).map(([way, run]) => ({
      name: `replicas: ${count}, ${way}`,
      orders,
      replicas: count,
      before: hall.services(count),
      run: (many: number) => Effect.flatMap(hall.ours(count), (ours) => run(ours, many)),
    }))
  )
  const measured = yield* inTurn(hall, parts, Math.min(runs, roundsAtMost))
  return measured.map((row, n): Row => {
    const one = measured[n % 2]!
    return {
      ...row,
      goals: row === one ? [] : [
        atLeast("of the rate of one replica", rateOf(row) / rateOf(one), leastOfOne),
      ],
    }
  })
})
