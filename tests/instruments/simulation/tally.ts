/** The sum of many simulations: figures, faults, and a fingerprint of all histories. */
import { fingerprint } from "./kernel.ts"
import type { Plan } from "./plan.ts"
import type { Simulation } from "./simulate.ts"

/** Plain data, so that worker threads can send it. */
export interface Tally {
  seeds: number
  orders: number
  events: number
  /** The same for the same seeds with the same histories, in any order. */
  fingerprint: number
  /** How often each kind of fault hit while there were orders in flight. */
  readonly faults: Map<string, number>
  /** How often each failpoint was passed. */
  readonly passed: Map<string, number>
  /** How often a process crashed at each failpoint, with orders in flight. */
  readonly crashed: Map<string, number>
}

export const emptyTally = (): Tally => ({
  seeds: 0,
  orders: 0,
  events: 0,
  fingerprint: 0,
  faults: new Map(),
  passed: new Map(),
  crashed: new Map(),
})

/** Adds one simulation. */
export const count = (tally: Tally, seed: number, plan: Plan, simulation: Simulation): void => {
  const { events, hash, world } = simulation
  tally.seeds++
  tally.orders += plan.wishes.length
  tally.events += events
  tally.fingerprint = (tally.fingerprint + fingerprint(fingerprint(seed, hash), seed)) >>> 0
  addAll(tally.faults, world.faults)
  addAll(tally.passed, world.failpoints)
  addAll(tally.crashed, world.crashes)
}

/** Adds the tally of another thread. */
export const merge = (tally: Tally, other: Tally): void => {
  tally.seeds += other.seeds
  tally.orders += other.orders
  tally.events += other.events
  tally.fingerprint = (tally.fingerprint + other.fingerprint) >>> 0
  addAll(tally.faults, other.faults)
  addAll(tally.passed, other.passed)
  addAll(tally.crashed, other.crashed)
}

const addAll = (to: Map<string, number>, from: ReadonlyMap<string, number>) => {
  for (const [name, times] of from) to.set(name, (to.get(name) ?? 0) + times)
}
