/**
 * Goal 2, end to end: a request for each order, until the last decision, compared with the raw
 * program with intake.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { goalsOfLimit, ofLimit, type Row } from "../row.ts"
import { startBatchLimit } from "../stand/limits.ts"
import { limitSubject } from "../subject.ts"
import { decidePosted } from "../work/decide-posted.ts"

const leastOfLimit = 0.65

export const endToEnd = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders }, ground, recorder } = hall
  const ours = yield* hall.ours()
  const limit = limitSubject(ground, yield* startBatchLimit(ground), yield* hall.services())
  const [row, raw] = yield* inTurn(hall, [
    { name: "end-to-end", orders, run: (count) => decidePosted(ours, count, { recorder }) },
    { name: "  limit: with intake", orders, run: (count) => decidePosted(limit, count) },
  ])
  const part = ofLimit(row!, raw!)
  return [
    { ...row!, ofLimit: part, goals: goalsOfLimit(part, leastOfLimit) },
    { ...raw!, goals: [] },
  ] as ReadonlyArray<Row>
})
