/**
 * Overload: ten times as many customers as at the peak, who send refused orders again at once, for
 * an embedded run that admits few orders at a time. It decides accepted orders about as fast as at
 * its peak, and /livez answers soon.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn, type Part } from "../rounds.ts"
import { atLeast, atMost, medianOf, rateOf, type Row } from "../row.ts"
import { embeddedSubject, startEmbedded } from "../stand/embedded.ts"
import { throwAwayFolder } from "../stand/ground.ts"
import { connectionsAtPeak, decidePosted } from "../work/decide-posted.ts"

/**
 * Ten times the capacity: at the peak, the system answers a tenth of these customers as fast as
 * they ask.
 */
const connections = 10 * connectionsAtPeak
const fewOrders = { BACKLOG_LIMIT: "500" }
const leastOfPeak = 0.8
const mostLivezMs = 100

export const overload = Effect.fnUntraced(function* (hall: Hall) {
  // Two systems at once would take each other's time.
  yield* hall.park.clear
  const running = yield* startEmbedded(hall.ground, {
    dataDir: yield* throwAwayFolder,
    runtime: hall.runtime,
    queueUrl: "memory:",
    settings: fewOrders,
  })
  const subject = yield* embeddedSubject(running)
  const partOf = (name: string, connections: number): Part => ({
    name,
    orders: hall.given.orders,
    run: (orders) =>
      decidePosted(subject, orders, { connections, again: true, livezAt: running.internalPort }),
  })
  const [row, peak] = yield* inTurn(hall, [
    partOf("overload", connections),
    partOf("  peak", connectionsAtPeak),
  ])
  const livez = medianOf(row!, ({ livezP99Ms }) => livezP99Ms ?? NaN)
  const goals = [
    atLeast("of the peak", rateOf(row!) / rateOf(peak!), leastOfPeak),
    atMost("ms p99 of /livez", livez, mostLivezMs),
  ]
  return [{ ...row!, goals }, { ...peak!, goals: [] }] as ReadonlyArray<Row>
})
