/**
 * Goal 4, latency: from the request to the decision, with one and with ten customers, compared with
 * the plain loop and, with `--peers`, with engines that record each step; and at half of the peak
 * rate.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn, type Measured, type Part } from "../rounds.ts"
import { atMost, type Goal, medianOf, rateOf, type Row } from "../row.ts"
import { startLoopLimit } from "../stand/limits.ts"
import type { PeerName } from "../stand/peers.ts"
import { limitSubject, type Subject } from "../subject.ts"
import { decideByPeer } from "../work/decide-by-peer.ts"
import { decidePosted } from "../work/decide-posted.ts"

/** The answer waits until the order is final. */
const waitSeconds = 10
const customersAtHalf = 256
const secondsAtHalf = 6
const mostHalfP99Ms = 100
/** They start fresh in each run, and the slower one takes 20 ms for an order. */
const peers: ReadonlyArray<PeerName> = ["restate", "dbos"]
const peerOrdersAtMost = 500

interface Few {
  readonly inFlight: number
  /** The part of a run's orders that is enough. */
  readonly part: number
  /** The goal, in times the loop's. */
  readonly mostOfLoop: { readonly p50: number; readonly p99?: number }
  /** The goal, in times each peer's p50. */
  readonly mostOfPeers?: number
}

const ways: ReadonlyArray<Few> = [
  { inFlight: 1, part: 1 / 20, mostOfLoop: { p50: 3 }, mostOfPeers: 1 },
  { inFlight: 10, part: 1 / 8, mostOfLoop: { p50: 1.5, p99: 2 } },
]

const p50 = (row: Measured) => medianOf(row, ({ latency }) => latency?.p50Ms ?? NaN)
const p99 = (row: Measured) => medianOf(row, ({ latency }) => latency?.p99Ms ?? NaN)

export const latency = Effect.fnUntraced(function* (hall: Hall) {
  const [peak] = yield* hall.rowsOf("end-to-end")
  const ours = yield* hall.ours()
  const { ground, given } = hall
  const services = yield* hall.services()
  const loop = limitSubject(ground, yield* startLoopLimit(ground), services)
  const partsOf = ({ inFlight, part }: Few): ReadonlyArray<Part> => {
    const orders = Math.max(10, Math.round(part * given.orders))
    const waitedFor = (subject: Subject) => (count: number) =>
      decidePosted(subject, count, { connections: inFlight, waitSeconds })
    return [
      { name: `latency, ${inFlight} in flight`, orders, run: waitedFor(ours) },
      { name: `  limit: plain loop, ${inFlight}`, orders, run: waitedFor(loop) },
      ...(given.peers ? peers : []).map((name) => ({
        name: `  peer: ${name}, ${inFlight}`,
        orders: Math.min(orders, peerOrdersAtMost),
        run: (count: number) =>
          decideByPeer(ground, services, ours, { name, inFlight, orders: count }),
        warm: false,
      })),
    ]
  }
  const perSecond = rateOf(peak!) / 2
  const half: Part = {
    name: "latency, half of peak",
    orders: Math.min(given.orders, Math.ceil(secondsAtHalf * perSecond)),
    run: (orders) =>
      decidePosted(ours, orders, { perSecond, waitSeconds, connections: customersAtHalf }),
  }
  const parts = ways.map(partsOf)
  const measured = [...(yield* inTurn(hall, [...parts.flat(), half]))]
  return [
    ...ways.flatMap((way, n) => fewRows(way, measured.splice(0, parts[n]!.length))),
    ...measured.map((row) => ({ ...row, goals: [atMost("ms p99", p99(row), mostHalfP99Ms)] })),
  ] as ReadonlyArray<Row>
})

/** The rows of ours, the loop and the peers. */
const fewRows = (
  { mostOfLoop, mostOfPeers }: Few,
  [ours, loop, ...others]: ReadonlyArray<Measured>,
): ReadonlyArray<Row> => {
  const goals: ReadonlyArray<Goal> = [
    atMost("times the loop's p50", p50(ours!) / p50(loop!), mostOfLoop.p50),
    ...(mostOfLoop.p99 === undefined
      ? []
      : [atMost("times the loop's p99", p99(ours!) / p99(loop!), mostOfLoop.p99)]),
    ...(mostOfPeers === undefined
      ? []
      : others.map((peer, n) =>
        atMost(`times the p50 of ${peers[n]}`, p50(ours!) / p50(peer), mostOfPeers)
      )),
  ]
  return [{ ...ours!, goals }, ...[loop!, ...others].map((row) => ({ ...row, goals: [] }))]
}
