/**
 * The orders are run by another engine, with our participants, while all other services stand
 * still.
 */
import { Effect, Scope } from "effect"
import { measured, type Run } from "../run.ts"
import type { Ground } from "../stand/ground.ts"
import { type PeerOptions, runPeer } from "../stand/peers.ts"
import type { Services } from "../stand/services.ts"
import { type Subject, whilePaused } from "../subject.ts"

const participants = /^(billing|items|slots)$/
const warmUp = 500

/** One run, with a new start of the engine and a warm-up of its own. */
export const decideByPeer = Effect.fnUntraced(function* (
  ground: Ground,
  services: Services,
  ours: Subject,
  options: Omit<PeerOptions, "warmUp">,
) {
  const subject: Subject = {
    ...ours,
    alone: whilePaused(services, (process) => !participants.test(process)),
    // All that the bench has started, by itself or not, also what has ended by then.
    processes: () => [{ name: "everything", pid: process.pid }],
  }
  const until = Effect.map(
    runPeer(ground, services, { ...options, warmUp }),
    ({ sagas, seconds, p50Ms, p99Ms }) => ({
      orders: sagas,
      seconds,
      latency: { p50Ms, p99Ms },
    }),
  )
  const scope = yield* Effect.scope
  const prepare = Effect.succeed({
    orders: warmUp + options.orders,
    processes: [],
    until: Effect.provideService(until, Scope.Scope, scope),
  })
  return withoutCosts(yield* measured(subject, { prepare }))
})

/** Start and warm-up of the engine are in them. */
const withoutCosts = ({ costs, ...run }: Run): Run => ({
  ...run,
  costs: { ...costs, cpuMs: new Map(), memoryMiB: new Map() },
})
