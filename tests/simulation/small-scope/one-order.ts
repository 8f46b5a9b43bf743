/**
 * One order in a small system, and faults: every one at every point that the order's history comes by, and together with
 * each of them every other one that can come after it. What would only happen again is not simulated again: in settings
 * that are alike, and after a fault that changed nothing.
 */
import { judge, type Simulate } from "../judge.ts"
import type { Plan, Point, PointFault } from "../plan.ts"
import { participants } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"
import { areAlike, type Setting } from "./alike.ts"
import { faultsAt } from "./faults.ts"

/** All ways of the participants to accept or refuse. */
const ways = Array.from(
  { length: 2 ** participants.length },
  (_, bits) => participants.filter((_, n) => (bits & (1 << n)) !== 0),
)

/**
 * Every way, with a deadline that comes after all faults. And with one that has passed by the time that a call without an
 * answer ends, those ways that differ: nobody is asked who comes after one that refuses.
 */
export const settings: ReadonlyArray<Setting> = [
  ...ways.map((refusing) => ({ refusing, deadlineMs: 60_000 })),
  ...ways.filter((refusing) => refusing.length <= 1)
    .map((refusing) => ({ refusing, deadlineMs: 4_000 })),
]

const order = { username: "ann", amountMinor: 10_00, item: 1, slot: "00:00", atMs: 0, repeats: [] }

/** A second orchestrator, to take over from the first; of the others one will do, since they share nothing. */
export const planOf = (
  { refusing, deadlineMs }: Setting,
  pointFaults: ReadonlyArray<PointFault>,
): Plan => ({
  seed: 1,
  replicas: { orders: 1, orchestrator: 2, billing: 1, items: 1, slots: 1 },
  deadlineMs,
  wallet: refusing.includes("billing") ? 0 : order.amountMinor,
  stock: refusing.includes("items") ? 0 : 1,
  capacity: refusing.includes("slots") ? 0 : 1,
  wishes: [order],
  pointFaults,
  timedFaults: [],
})

/** The points at which the order could still come to harm. */
export const pointsOf = ({ world, pointsUntilSettled }: Simulation): ReadonlyArray<Point> =>
  world.points.slice(0, pointsUntilSettled)

/** One simulation, of faults in the first of some settings; in the others the same would happen. */
export interface Trial {
  readonly settings: ReadonlyArray<Setting>
  readonly faults: ReadonlyArray<PointFault>
  readonly violations: ReadonlyArray<Violation>
  /** At which the order could still come to harm. */
  readonly points: ReadonlyArray<Point>
  /** Of all that happened. */
  readonly hash: string
}

/** Tries faults in several settings, with one simulation for all those that are alike. Stops at a violation. */
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
      return [...trials, { settings: [one], faults, violations, points: [], hash: "" }]
    }
    const { world, hash } = simulation
    const alike = rest.filter((other) => areAlike(world, one, other))
    const missed = faults.find((fault) => !world.points.some((point) => isSame(point, fault)))
    trials.push({
      settings: alike,
      faults,
      violations: missed === undefined ? [] : [twoCourses(missed)],
      points: pointsOf(simulation),
      hash,
    })
    rest = rest.filter((other) => !alike.includes(other))
  }
  return trials
}

/** Faults that do not come to pass are a violation too: the history up to them has to be the one they were found in. */
const twoCourses = ({ point, nth }: PointFault): Violation => ({
  invariant: "the simulator itself",
  found: `nothing came to ${point} #${nth}: one history takes two courses`,
})

const isSame = (one: Point, other: Point) => one.point === other.point && one.nth === other.nth

/** A fault in settings that are alike without it. */
export interface FirstFault {
  readonly settings: ReadonlyArray<Setting>
  readonly fault: PointFault
  /** Of the faults that can come after it, each `every`-th is tried with it; none if it is 0. */
  readonly every: number
  /** The hash of what happens without it. */
  readonly unharmed: string
}

export interface Tried {
  /** How many pairs were tried, each counted in every setting. */
  readonly pairs: number
  readonly simulations: number
  readonly broken: Trial | undefined
}

/** Tries a fault alone, and then with those that can come after it. Stops at a violation. */
export const tryFault = async (
  simulate: Simulate,
  { settings, fault, every, unharmed }: FirstFault,
): Promise<Tried> => {
  const first = await tryFaults(simulate, settings, [fault])
  let simulations = first.length
  let pairs = 0
  for (const alone of first) {
    if (alone.violations.length > 0) return { pairs, simulations, broken: alone }
    for (const second of secondFaults(alone, fault, every)) {
      pairs += alone.settings.length
      // Nothing came of the first one: the second one alone is a case of its own.
      if (alone.hash === unharmed) continue
      const both = await tryFaults(simulate, alone.settings, [fault, second])
      simulations += both.length
      const broken = both.find(({ violations }) => violations.length > 0)
      if (broken !== undefined) return { pairs, simulations, broken }
    }
  }
  return { pairs, simulations, broken: undefined }
}

const secondFaults = (
  { points }: Trial,
  fault: PointFault,
  every: number,
): ReadonlyArray<PointFault> => {
  if (every === 0) return []
  const first = points.findIndex((point) => isSame(point, fault))
  return points.slice(first + 1)
    .flatMap((point) => faultsAt(point, "short"))
    .filter((_, n) => n % every === 0)
}
