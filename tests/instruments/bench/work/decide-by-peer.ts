/**
 * Another engine runs the orders, with our participants. All other services are paused meanwhile.
 */
import { Effect, Scope } from "effect"
import { measured, orFailed, type Run } from "../run.ts"
import type { Ground } from "../stand/ground.ts"
import { type PeerName, runPeer } from "../stand/peers.ts"
import type { Services } from "../stand/services.ts"
import { type Subject, whilePaused } from "../subject.ts"
import { insertPending } from "./opening.ts"
import { wantedOrders } from "./workload.ts"

const participants = /^(billing|items|slots)$/
const warmUp = 500

export interface ByPeerOptions {
  readonly name: PeerName
  /** The measured orders. */
  readonly orders: number
  /** The sagas in flight; unset: what suits the engine best. */
  readonly inFlight?: number
}

/** One run, with a fresh start of the engine and its own warm-up. */
export const decideByPeer = Effect.fnUntraced(function* (
  ground: Ground,
  services: Services,
  ours: Subject,
  { name, orders: count, inFlight }: ByPeerOptions,
) {
  const subject: Subject = {
    ...ours,
    alone: whilePaused(services, (process) => !participants.test(process)),
    // The bench and every descendant, including those that have ended by then.
    processes: () => [{ name: "everything", pid: process.pid }],
  }
  const scope = yield* Effect.scope
  const prepare = Effect.gen(function* () {
    const orders = wantedOrders(warmUp + count, "mixed")
    yield* orFailed(() => insertPending(subject.databases, orders))
    const until = Effect.map(
      runPeer(ground, services, { name, orders, warmUp, inFlight }),
      ({ sagas, seconds, p50Ms, p99Ms }) => ({
        orders: sagas,
        seconds,
        latency: { p50Ms, p99Ms },
      }),
    )
    return {
      orders: orders.length,
      processes: [],
      until: Effect.provideService(until, Scope.Scope, scope),
    }
  })
  return withoutCosts(yield* measured(subject, { prepare }))
})

/** The costs include the engine's start and warm-up. */
const withoutCosts = ({ costs, ...run }: Run): Run => ({
  ...run,
  costs: { ...costs, cpuMs: new Map(), memoryMiB: new Map() },
})
