/**
 * Every fault that one order can meet, and together with each of them every other one that can come
 * after it. What would only happen again is counted, and not simulated again:
 * - in settings that are alike (`alike.ts`);
 * - after a first fault that found nothing to act on, such as the wiping of an empty queue: each
 *   second one is alone;
 * - after a first fault that ended a process, if another one did the same: both ended the same
 *   process at the same moment, and everything that happened, before and after, to the end, is the
 *   same. What happens is what processes are told (each request, answer, timer, and record that
 *   changes, with its time) and the chance that they draw, so the processes that live have the same
 *   past; the one that could be in another state is dead, and comes again with nothing but what is
 *   on record, which is the same, too. What other faults leave behind in a process is not known, so
 *   each is a case of its own.
 */
import type { Simulate } from "../judge.ts"
import type { PointFault } from "../plan.ts"
import type { Setting } from "./alike.ts"
import { faultsAt } from "./faults.ts"
import { brokenOf, isSame, type Trial, tryFaults } from "./one-order.ts"

/** A fault in settings that are alike without it. */
export interface FirstFault {
  readonly settings: ReadonlyArray<Setting>
  readonly fault: PointFault
  /**
   * Of the faults that can come after it, each `every`-th is to be tried with it; none if it is 0.
   */
  readonly every: number
}

/**
 * Every fault at every point that the order comes by; with the short ones, each `every`-th of those
 * that can come after.
 */
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

/**
 * A fault together with some of those that can come after it, in settings that are alike with it.
 */
export interface Pairs {
  readonly settings: ReadonlyArray<Setting>
  readonly first: PointFault
  readonly seconds: ReadonlyArray<PointFault>
  /** The history of the first fault alone, if it ended a process. */
  readonly ended: string | undefined
}

/** How many they are, each in all settings. */
export const countOf = ({ settings, seconds }: Pairs): number => settings.length * seconds.length

export interface Tried {
  readonly simulations: number
  readonly broken: Trial | undefined
}

/** Tries a fault alone; gives what is to be tried with it, and how many pairs need not be. */
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

/** Leaves out those that others show; gives how many pairs these are, too. */
export const withoutRepeated = (all: ReadonlyArray<Pairs>) => {
  const kept: Array<Pairs> = []
  const shown = new Map<string, Pairs>()
  let repeated = 0
  // The earlier the point of a first fault, the more there is that can come after it.
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

/** Whether all come to the same places, last. How many came there before does not matter. */
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
