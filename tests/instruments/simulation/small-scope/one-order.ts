/** One order in a small system under faults, in several settings. */
import { judge, type Simulate } from "../judge.ts"
import { fingerprint } from "../kernel.ts"
import { type Plan, type Point, type PointFault, replicas } from "../plan.ts"
import { participants } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"
import { areAlike, type Setting } from "./alike.ts"

/** All combinations of participants that refuse. */
const ways = Array.from(
  { length: 2 ** participants.length },
  (_, bits) => participants.filter((_, n) => (bits & (1 << n)) !== 0),
)

/**
 * All combinations with a deadline after all faults. And with a deadline that passes during a call
 * without an answer, the combinations that differ then: participants after the first refusal are
 * not asked.
 */
export const settings: ReadonlyArray<Setting> = [
  ...ways.map((refusing) => ({ refusing, deadlineMs: 60_000 })),
  ...ways.filter((refusing) => refusing.length <= 1)
    .map((refusing) => ({ refusing, deadlineMs: 4_000 })),
]

const order = { username: "ann", amountMinor: 10_00, item: 1, slot: "00:00", atMs: 0, repeats: [] }

/** A second orchestrator takes over from the first. One process of each other service is enough. */
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

/** One simulation of faults in the first of some settings. The others have the same history. */
export interface Trial {
  readonly settings: ReadonlyArray<Setting>
  readonly faults: ReadonlyArray<PointFault>
  readonly violations: ReadonlyArray<Violation>
  /** The points at which a fault could harm the order. */
  readonly points: ReadonlyArray<Point>
  /** Whether a fault happened: some find nothing to act on. */
  readonly acted: boolean
  /** A fingerprint of the history and of the orders at its end. */
  readonly history: string
}

/** Tries faults in several settings, once for all settings that are alike. Stops at a violation. */
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

/** A fault that does not happen is a violation too: the history up to it must be repeatable. */
const twoCourses = ({ point, nth }: PointFault): Violation => ({
  invariant: "the simulator itself",
  found: `nothing reached ${point} #${nth}: the history is not repeatable`,
})

const historyOf = ({ hash, orders }: Simulation): string =>
  `${hash} ${fingerprint(0, JSON.stringify(orders))}`
