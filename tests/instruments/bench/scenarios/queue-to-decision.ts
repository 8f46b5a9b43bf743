/**
 * Goal 1, queue to decision: the rate of sagas when there is no other work, compared with the raw
 * batch program.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { goalsOfLimit, ofLimit, type Row } from "../row.ts"
import { startBatchLimit } from "../stand/limits.ts"
import { limitSubject } from "../subject.ts"
import { decideQueued } from "../work/decide-queued.ts"

const leastOfLimit = 0.6

export const queueToDecision = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders }, ground, recorder } = hall
  const ours = yield* hall.unattended()
  const limit = limitSubject(ground, yield* startBatchLimit(ground), yield* hall.services())
  const [row, raw] = yield* inTurn(hall, [
    {
      name: "queue-to-decision",
      orders,
      run: (count) => decideQueued(ours, count, { recorder }),
    },
    { name: "  limit: raw batches", orders, run: (count) => decideQueued(limit, count) },
  ])
  const part = ofLimit(row!, raw!)
  return [
    { ...row!, ofLimit: part, goals: goalsOfLimit(part, leastOfLimit) },
    { ...raw!, goals: [] },
  ] as ReadonlyArray<Row>
})
