/**
 * All faults that one order can meet, and all pairs of a fault and one that can come after it.
 * Equivalent pairs are counted, but simulated only once:
 * - pairs in settings that are alike (`alike.ts`);
 * - pairs whose first fault found nothing to act on, such as the wiping of an empty queue: the
 *   second fault is then a single one;
 * - pairs whose first fault ended a process, if another first fault has the same history. That
 *   history contains all requests, answers, timers, changed records and random numbers, with their
 *   times. So the processes that are alive have the same past. The dead process could be in another
 *   state, but it restarts from the records alone, which are the same. Other faults may leave
 *   something behind in a process, so their pairs are all simulated.
 */
import type { Simulate } from "../judge.ts"
import type { PointFault } from "../plan.ts"
import type { Setting } from "./alike.ts"
import { faultsAt } from "./faults.ts"
import { brokenOf, isSame, type Trial, tryFaults } from "./one-order.ts"

/** A fault, in settings that are alike without it. */
export interface FirstFault {
  readonly settings: ReadonlyArray<Setting>
  readonly fault: PointFault
  /** Every how many-th of the faults after it is tried together with it; 0 for none. */
  readonly every: number
}

/** All faults at all points that the order passes. Only short ones are tried in pairs. */
export const firstFaults = (
  unharmed: ReadonlyArray<Trial>,
  every: number,
): ReadonlyArray<FirstFault> =>
  unharmed.flatMap(({ settings, points }) => {
    const faults = (length: "short" | "long", every: number) =>
      points.flatMap((point) => faultsAt(point, length))
        .map((fault): FirstFault => ({ settings, fault, every }))
    return [...faults("short", every), ...faults("long", 0)]
  })

/** A fault with some of the faults that can come after it, in settings that are alike with it. */
export interface Pairs {
  readonly settings: ReadonlyArray<Setting>
  readonly first: PointFault
  readonly seconds: ReadonlyArray<PointFault>
  /** The history of the first fault alone, if it ended a process. */
  readonly ended: string | undefined
}

/** The number of pairs, in all settings. */
export const countOf = ({ settings, seconds }: Pairs): number => settings.length * seconds.length

export interface Tried {
  readonly simulations: number
  readonly broken: Trial | undefined
}

/** Tries a fault alone. Returns the pairs to try, and the number of pairs that need no trial. */
export const tryFirst = async (
  simulate: Simulate,
  { settings, fault, every }: FirstFault,
): Promise<Tried & { readonly next: ReadonlyArray<Pairs>; readonly pairs: number }> => {
  const trials = await tryFaults(simulate, settings, [fault])
  const all = trials.map((trial): Pairs => {
    const seconds = secondFaults(trial, fault, every)
    const ended = fault.fault.includes("crash") ? trial.history : undefined
    return { settings: trial.settings, first: fault, seconds, ended }
  })
  const harmless = all.filter((_, n) => !trials[n]!.acted)
  return {
    simulations: trials.length,
    broken: brokenOf(trials),
    next: all.filter((pairs) => pairs.seconds.length > 0 && !harmless.includes(pairs)),
    pairs: harmless.reduce((sum, pairs) => sum + countOf(pairs), 0),
  }
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
    .filter((_, n, { length }) => (length - n) % every === 0)
}

/** Leaves out those that others show; returns how many pairs these are, too. */
export const withoutRepeated = (all: ReadonlyArray<Pairs>) => {
  const kept: Array<Pairs> = []
  const shown = new Map<string, Pairs>()
  let repeated = 0
  // The earlier the first fault, the more faults can come after it.
  for (const pairs of all.toSorted((one, other) => other.seconds.length - one.seconds.length)) {
    const { settings, ended } = pairs
    const key = ended && JSON.stringify([ended, settings])
    const same = key && shown.get(key)
    if (same && isEndOf(same.seconds, pairs.seconds)) {
      repeated += countOf(pairs)
    } else {
      kept.push(pairs)
      if (key) shown.set(key, pairs)
    }
  }
  return { kept, repeated }
}

/** Whether `some` are the last of `all`, by place and fault. Their numbers may differ. */
const isEndOf = (all: ReadonlyArray<PointFault>, some: ReadonlyArray<PointFault>): boolean =>
  some.every(({ point, fault }, n) => {
    const same = all[all.length - some.length + n]!
    return same.point === point && same.fault === fault
  })

/** Tries pairs. Stops at a violation. */
export const tryPairs = async (
  simulate: Simulate,
  { settings, first, seconds }: Pairs,
): Promise<Tried> => {
  let simulations = 0
  for (const second of seconds) {
    const trials = await tryFaults(simulate, settings, [first, second])
    simulations += trials.length
    const broken = brokenOf(trials)
    if (broken !== undefined) return { simulations, broken }
  }
  return { simulations, broken: undefined }
}
