/**
 * Goal 3, small batches: the cost of an order at a tenth of the peak rate, where few orders share a
 * batch.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atMost, cpuMicros, rateOf, type Row } from "../row.ts"
import { decidePosted } from "../work/decide-posted.ts"

const part = 0.1
const seconds = 8
const mostOfPeak = 2

export const lowRate = Effect.fnUntraced(function* (hall: Hall) {
  const [endToEnd] = yield* hall.rowsOf("end-to-end")
  const ours = yield* hall.ours()
  const perSecond = part * rateOf(endToEnd!)
  const most = hall.given.orders
  const [peak, low] = yield* inTurn(hall, [
    { name: "  peak", orders: most, run: (count) => decidePosted(ours, count) },
    {
      name: "low-rate",
      orders: Math.min(most, Math.ceil(seconds * perSecond)),
      run: (count) => decidePosted(ours, count, { perSecond }),
      warm: false,
    },
  ])
  const times = cpuMicros(low!) / cpuMicros(peak!)
  const goals = [atMost("times the CPU of an order at the peak", times, mostOfPeak)]
  return [{ ...low!, goals }, { ...peak!, goals: [] }] as ReadonlyArray<Row>
})
