/** Goal 8, Deno: the same services on the other runtime, against Node in the same run. */
import { Effect } from "effect"
import type { Runtime } from "#tests/support/separate-services.ts"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { decideQueued } from "../work/decide-queued.ts"

const runtimes: ReadonlyArray<Runtime> = ["node", "deno"]
const ways = { "queue-to-decision": decideQueued, "end-to-end": decidePosted }
/** Each begins with a start of all services. */
const roundsAtMost = 3
const leastOfNode = 0.7

export const deno = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders, runs } } = hall
  const parts = runtimes.flatMap((runtime) =>
    Object.entries(ways).map(([way, run]) => ({
      name: `${runtime}: ${way}`,
      orders,
      before: hall.services(1, runtime),
      run: (many: number) => Effect.flatMap(hall.ours(1, runtime), (ours) => run(ours, many)),
    }))
  )
  const measured = yield* inTurn(hall, parts, Math.min(runs, roundsAtMost))
  return measured.map((row, n): Row => {
    const node = measured[n % 2]!
    return {
      ...row,
      goals: row === node
        ? []
        : [atLeast("of the rate of Node", rateOf(row) / rateOf(node), leastOfNode)],
    }
  })
})
