/** Goals 1 and 2: how many times as fast as other engines, which run the same saga with the same participants. */
import { Effect, Scope } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn, type Measured, type Part } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import { measured, type Run, RunFailed } from "../run.ts"
import { type PeerName, peerNames, peersAreInstalled, runPeer } from "../stand/peers.ts"
import type { Services } from "../stand/services.ts"
import { type Subject, whilePaused } from "../subject.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { decideQueued } from "../work/decide-queued.ts"

const times: Partial<Record<PeerName, { readonly posted: number; readonly queued?: number }>> = {
  restate: { posted: 8, queued: 15 },
  dbos: { posted: 20 },
  "effect-workflow": { posted: 25 },
}
/** The slowest of them take a quarter of a minute for so many. */
const ordersAtMost = 2_000
const warmUp = 500
const roundsAtMost = 3
const participants = /^(billing|items|slots)$/

export const peers = Effect.fnUntraced(function* (hall: Hall) {
  if (!peersAreInstalled()) return yield* notInstalled
  const { given: { orders, runs } } = hall
  const ours = yield* hall.ours()
  const services = yield* hall.services()
  const parts: ReadonlyArray<Part> = [
    { name: "ours: queue-to-decision", orders, run: (count) => decideQueued(ours, count) },
    { name: "ours: end-to-end", orders, run: (count) => decidePosted(ours, count) },
    ...peerNames.map((name) => ({
      name: `peer: ${name}`,
      orders: Math.min(orders, ordersAtMost),
      run: (count: number) => decidedByPeer(hall, ours, services, name, count),
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

const notInstalled = new RunFailed({
  message: "The peers are not installed: run npm ci --prefix tests/bench/peers",
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

const decidedByPeer = (
  { ground }: Hall,
  ours: Subject,
  services: Services,
  name: PeerName,
  orders: number,
) => {
  const subject: Subject = {
    ...ours,
    alone: whilePaused(services, (process) => !participants.test(process)),
    // All that the bench has started, by itself or not, also what has ended by then.
    processes: () => [{ name: "everything", pid: process.pid }],
  }
  const until = Effect.map(
    runPeer(ground, services, { name, orders, warmUp }),
    ({ sagas, seconds, p50Ms, p99Ms }) => ({
      orders: sagas,
      seconds,
      latency: { p50Ms, p99Ms },
    }),
  )
  return Effect.flatMap(Effect.scope, (scope) =>
    measured(subject, {
      prepare: Effect.succeed({
        orders: warmUp + orders,
        processes: [],
        until: Effect.provideService(until, Scope.Scope, scope),
      }),
    })).pipe(Effect.map(withoutCosts))
}

/** Start and warm-up of the engine are in them. */
const withoutCosts = ({ costs, ...run }: Run): Run => ({
  ...run,
  costs: { ...costs, cpuMs: new Map(), memoryMiB: new Map() },
})
