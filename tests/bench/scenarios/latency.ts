/** Goal 4, latency: from the request to the decision, with one and with ten customers, and at half of the peak rate. */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atMost, medianOf, rateOf, type Row } from "../row.ts"
import { startLoopLimit } from "../stand/limits.ts"
import { limitSubject, type Subject } from "../subject.ts"
import { decidePosted } from "../work/decide-posted.ts"

/** The answer is held until the order is final. */
const waitSeconds = 10
const customersAtHalf = 256
const secondsAtHalf = 6
const goals = { oneP50: 2, tenP50: 1.5, tenP99: 2, halfP99Ms: 100 }

type Measured = Pick<Row, "runs" | "name">
const p50 = (row: Measured) => medianOf(row, ({ latency }) => latency?.p50Ms ?? NaN)
const p99 = (row: Measured) => medianOf(row, ({ latency }) => latency?.p99Ms ?? NaN)

export const latency = Effect.fnUntraced(function* (hall: Hall) {
  const [peak] = yield* hall.rowsOf("end-to-end")
  const ours = yield* hall.ours()
  const { ground, given } = hall
  const loop = limitSubject(ground, yield* startLoopLimit(ground), yield* hall.services())
  const waiting = (subject: Subject, name: string, connections: number, part: number) => ({
    name,
    orders: Math.max(10, Math.round(given.orders / part)),
    run: (orders: number) => decidePosted(subject, orders, { connections, waitSeconds }),
  })
  const perSecond = rateOf(peak!) / 2
  const measured = yield* inTurn(hall, [
    waiting(ours, "latency, 1 in flight", 1, 20),
    waiting(loop, "  limit: plain loop, 1", 1, 20),
    waiting(ours, "latency, 10 in flight", 10, 8),
    waiting(loop, "  limit: plain loop, 10", 10, 8),
    {
      name: "latency, half of peak",
      orders: Math.min(given.orders, Math.ceil(secondsAtHalf * perSecond)),
      run: (orders) =>
        decidePosted(ours, orders, { perSecond, waitSeconds, connections: customersAtHalf }),
    },
  ])
  const [one, loopOne, ten, loopTen, half] = measured as [
    ...[Measured, Measured, Measured, Measured, Measured],
  ]
  return [
    { ...one, goals: [atMost("times the loop's p50", p50(one) / p50(loopOne), goals.oneP50)] },
    { ...loopOne, goals: [] },
    {
      ...ten,
      goals: [
        atMost("times the loop's p50", p50(ten) / p50(loopTen), goals.tenP50),
        atMost("times the loop's p99", p99(ten) / p99(loopTen), goals.tenP99),
      ],
    },
    { ...loopTen, goals: [] },
    { ...half, goals: [atMost("ms p99", p99(half), goals.halfP99Ms)] },
  ] as ReadonlyArray<Row>
})
