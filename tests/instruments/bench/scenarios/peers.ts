/**
 * Goals 1 and 2: compared with other engines, which run the same saga with the same participants.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn, type Measured, type Part } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import { type PeerName, peerNames } from "../stand/peers.ts"
import { decideByPeer } from "../work/decide-by-peer.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { decideQueued } from "../work/decide-queued.ts"

const times: Partial<Record<PeerName, { readonly posted: number; readonly queued?: number }>> = {
  restate: { posted: 8, queued: 15 },
  dbos: { posted: 20 },
  "effect-workflow": { posted: 25 },
}
/** The slowest engines take a quarter of a minute for these. */
const ordersAtMost = 2_000
const roundsAtMost = 3

export const peers = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders, runs } } = hall
  const ours = yield* hall.ours()
  const services = yield* hall.services()
  const parts: ReadonlyArray<Part> = [
    { name: "ours: queue-to-decision", orders, run: (count) => decideQueued(ours, count) },
    { name: "ours: end-to-end", orders, run: (count) => decidePosted(ours, count) },
    ...peerNames.map((name) => ({
      name: `peer: ${name}`,
      orders: Math.min(orders, ordersAtMost),
      run: (count: number) => decideByPeer(hall.ground, services, ours, { name, orders: count }),
      warm: false,
    })),
  ]
  const [queued, posted, ...others] = yield* inTurn(hall, parts, Math.min(runs, roundsAtMost))
  return [
    { ...queued!, goals: [] },
    { ...posted!, goals: [] },
    ...others.map((row, n): Row => ({
      ...row,
      goals: goalsAgainst(row, peerNames[n]!, queued!, posted!),
    })),
  ] as ReadonlyArray<Row>
})

const goalsAgainst = (row: Measured, name: PeerName, queued: Measured, posted: Measured) => {
  const of = (ours: Measured) => rateOf(ours) / rateOf(row)
  const least = times[name]
  return [
    ...(least ? [atLeast("times slower than end-to-end", of(posted), least.posted)] : []),
    ...(least?.queued
      ? [atLeast("times slower than queue-to-decision", of(queued), least.queued)]
      : []),
  ]
}
