/**
 * One order in a small system, and faults: every one at every point that the order's history comes by, and together with
 * each of them every other one that can come after it.
 */
import { judge, type Simulate } from "../judge.ts"
import type { Plan, Point, PointFault } from "../plan.ts"
import { type ParticipantName, participants } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"
import { faultsAt } from "./faults.ts"

/** What is the same for the order whatever the faults. */
export interface Setting {
  /** Who has none of what the order wants. */
  readonly refusing: ReadonlyArray<ParticipantName>
  readonly deadlineMs: number
}

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

/** Faults that break an invariant. */
export interface Broken {
  readonly faults: ReadonlyArray<PointFault>
  readonly violations: ReadonlyArray<Violation>
}

export interface Tried {
  /** How many pairs were tried. */
  readonly pairs: number
  readonly broken: Broken | undefined
}

/**
 * Tries a fault alone, and then with each one that can come after it: with every `every`-th of those, or with none if it
 * is 0. Stops at a violation.
 */
export const tryFault = async (
  simulate: Simulate,
  setting: Setting,
  fault: PointFault,
  every: number,
): Promise<Tried> => {
  const alone = await tryFaults(simulate, setting, [fault])
  if (alone.violations.length > 0) return { pairs: 0, broken: alone }
  const first = alone.points.findIndex((point) => isSame(point, fault))
  const seconds = every === 0
    ? []
    : alone.points.slice(first + 1).flatMap((point) => faultsAt(point, "short"))
  let pairs = 0
  for (let n = 0; n < seconds.length; n += every) {
    const both = await tryFaults(simulate, setting, [fault, seconds[n]!])
    pairs++
    if (both.violations.length > 0) return { pairs, broken: both }
  }
  return { pairs, broken: undefined }
}

/** Faults that do not come to pass are a violation too: the history up to them has to be the one they were found in. */
const tryFaults = async (
  simulate: Simulate,
  setting: Setting,
  faults: ReadonlyArray<PointFault>,
): Promise<Broken & { readonly points: ReadonlyArray<Point> }> => {
  const { violations, simulation } = await judge(simulate, planOf(setting, faults))
  if (simulation === undefined || violations.length > 0) return { faults, violations, points: [] }
  const points = pointsOf(simulation)
  const missed = faults.find((fault) =>
    !simulation.world.points.some((point) => isSame(point, fault))
  )
  if (missed === undefined) return { faults, violations, points }
  const found = `nothing came to ${missed.point} #${missed.nth}: one history takes two courses`
  return { faults, violations: [{ invariant: "the simulator itself", found }], points }
}

const isSame = (one: Point, other: Point) => one.point === other.point && one.nth === other.nth
