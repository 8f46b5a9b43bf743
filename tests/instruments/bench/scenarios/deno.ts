/**
 * Goal 8, Deno: the same services on the other runtime, compared with Node and the limits in the
 * same run.
 */
import { Effect } from "effect"
import type { Runtime } from "#tests/support/separate-services.ts"
import type { Hall } from "../hall.ts"
import { inTurn, type Part } from "../rounds.ts"
import { atLeast, ofLimit, rateOf, type Row } from "../row.ts"
import { startBatchLimit } from "../stand/limits.ts"
import { limitSubject } from "../subject.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { decideQueued } from "../work/decide-queued.ts"

const ways = { "queue-to-decision": decideQueued, "end-to-end": decidePosted }
const count = Object.keys(ways).length
/** Each round starts all services again. */
const roundsAtMost = 3
const leastOfNode = 0.85

export const deno = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders, runs }, ground } = hall
  const limits = yield* startBatchLimit(ground)
  const on = (runtime: Runtime): ReadonlyArray<Part> =>
    Object.entries(ways).map(([way, run]) => ({
      name: `${runtime}: ${way}`,
      orders,
      before: hall.services(1, runtime),
      run: (many) => Effect.flatMap(hall.ours(1, runtime), (ours) => run(ours, many)),
    }))
  // The services that ran last are paused meanwhile.
  const raw: ReadonlyArray<Part> = Object.entries(ways).map(([way, run]) => ({
    name: `  limit: ${way}`,
    orders,
    run: (many) =>
      Effect.flatMap(
        hall.services(1, "deno"),
        (services) => run(limitSubject(ground, limits, services), many),
      ),
  }))
  const parts = [...on("node"), ...on("deno"), ...raw]
  const measured = yield* inTurn(hall, parts, Math.min(runs, roundsAtMost))
  const [onNode, onDeno, ofRaw] = [0, 1, 2].map((n) => measured.slice(n * count, (n + 1) * count))
  return [
    ...onNode!.map((row, n) => ({ ...row, ofLimit: ofLimit(row, ofRaw![n]!), goals: [] })),
    ...onDeno!.map((row, n) => ({
      ...row,
      ofLimit: ofLimit(row, ofRaw![n]!),
      goals: [atLeast("of the rate of Node", rateOf(row) / rateOf(onNode![n]!), leastOfNode)],
    })),
    ...ofRaw!.map((row) => ({ ...row, goals: [] })),
  ] as ReadonlyArray<Row>
})
