/** One order in a small system, and what becomes of it under faults, in several settings. */
import { judge, type Simulate } from "../judge.ts"
import { fingerprint } from "../kernel.ts"
import { type Plan, type Point, type PointFault, replicas } from "../plan.ts"
import { participants } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"
import { areAlike, type Setting } from "./alike.ts"

/** All ways of the participants to accept or refuse. */
const ways = Array.from(
  { length: 2 ** participants.length },
  (_, bits) => participants.filter((_, n) => (bits & (1 << n)) !== 0),
)

/**
 * Every way, with a deadline that comes after all faults. And with one that has passed by the time
 * that a call without an answer ends, those ways that differ: nobody is asked who comes after one
 * that refuses.
 */
export const settings: ReadonlyArray<Setting> = [
  ...ways.map((refusing) => ({ refusing, deadlineMs: 60_000 })),
  ...ways.filter((refusing) => refusing.length <= 1)
    .map((refusing) => ({ refusing, deadlineMs: 4_000 })),
]

const order = { username: "ann", amountMinor: 10_00, item: 1, slot: "00:00", atMs: 0, repeats: [] }

/**
 * A second orchestrator, to take over from the first; of the others one will do, since they share
 * nothing.
 */
export const planOf = (
  { refusing, deadlineMs }: Setting,
  pointFaults: ReadonlyArray<PointFault>,
): Plan => ({
  seed: 1,
  replicas: { ...replicas, orders: 1, orchestrator: 2 },
  deadlineMs,
  wallet: refusing.includes("billing") ? 0 : order.amountMinor,
  stock: refusing.includes("items") ? 0 : 1,
  capacity: refusing.includes("slots") ? 0 : 1,
  wishes: [order],
  pointFaults,
  timedFaults: [],
})

/** One simulation, of faults in the first of some settings; in the others the same would happen. */
export interface Trial {
  readonly settings: ReadonlyArray<Setting>
  readonly faults: ReadonlyArray<PointFault>
  readonly violations: ReadonlyArray<Violation>
  /** At which the order could come to harm. */
  readonly points: ReadonlyArray<Point>
  /** Whether the faults did anything: some find nothing to act on. */
  readonly acted: boolean
  /** A fingerprint of all that happened, and of what there is now. */
  readonly history: string
}

/**
 * Tries faults in several settings, with one simulation for all those that are alike. Stops at a
 * violation.
 */
export const tryFaults = async (
  simulate: Simulate,
  settings: ReadonlyArray<Setting>,
  faults: ReadonlyArray<PointFault>,
): Promise<ReadonlyArray<Trial>> => {
  const trials: Array<Trial> = []
  for (let rest = settings; rest.length > 0;) {
    const one = rest[0]!
    const { violations, simulation } = await judge(simulate, planOf(one, faults))
    if (simulation === undefined || violations.length > 0) {
      const nothing = { points: [], acted: true, history: "" }
      return [...trials, { settings: [one], faults, violations, ...nothing }]
    }
    const { world, pointsUntilSettled } = simulation
    const alike = rest.filter((other) => areAlike(world, one, other))
    const missed = faults.find((fault) => !world.points.some((point) => isSame(point, fault)))
    trials.push({
      settings: alike,
      faults,
      violations: missed === undefined ? [] : [twoCourses(missed)],
      points: world.points.slice(0, pointsUntilSettled),
      acted: world.hits > 0,
      history: historyOf(simulation),
    })
    rest = rest.filter((other) => !alike.includes(other))
  }
  return trials
}

export const brokenOf = (trials: ReadonlyArray<Trial>): Trial | undefined =>
  trials.find(({ violations }) => violations.length > 0)

export const isSame = (one: Point, other: Point) =>
  one.point === other.point && one.nth === other.nth

/**
 * Faults that do not come to pass are a violation too: the history up to them has to be the one
 * they were found in.
 */
const twoCourses = ({ point, nth }: PointFault): Violation => ({
  invariant: "the simulator itself",
  found: `nothing came to ${point} #${nth}: one history takes two courses`,
})

const historyOf = ({ hash, orders }: Simulation): string =>
  `${hash} ${fingerprint(0, JSON.stringify(orders))}`
