/** A row of the table: the measurements of one subject in one scenario, and its goals. */
import type { Run } from "./run.ts"

export interface Counted extends Run {
  readonly disturbed: boolean
}

export interface Goal {
  /** The goal, and the measured value: "at least 0.5 of the limit: 0.61". */
  readonly text: string
  readonly met: boolean
}

export interface Row {
  readonly name: string
  readonly runs: ReadonlyArray<Counted>
  readonly ofLimit?: OfLimit
  readonly goals: ReadonlyArray<Goal>
}

/** The ratio to the program that it is compared with: 1 is as good. */
export interface OfLimit {
  readonly rate: number
  /** By the processor time for an order, over all processes of each. */
  readonly cpu: number
}

/** The median, the least and the greatest value. */
export const spread = (values: ReadonlyArray<number>) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low = NaN, high = NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return { median: (low + high) / 2, least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN }
}

/** The median over the runs. */
export const medianOf = (
  { runs }: Pick<Row, "runs">,
  value: (run: Counted) => number,
): number => spread(runs.map(value)).median

export const rateOf = (row: Pick<Row, "runs">): number => medianOf(row, (run) => run.ratePerSecond)

/** These processes only order or measure: an order's cost does not include them. */
export const outsiders = ["bench", "load"]

/** Microseconds of processor time for an order, by one process. */
export const cpuMicrosOf = (row: Pick<Row, "runs">, name: string): number =>
  medianOf(row, ({ costs, orders }) => 1000 * (costs.cpuMs.get(name) ?? 0) / orders)

/** Microseconds of processor time for an order, by the whole system. */
export const cpuMicros = (row: Pick<Row, "runs">): number =>
  processNames(row).filter((name) => !outsiders.includes(name))
    .reduce((sum, name) => sum + cpuMicrosOf(row, name), 0)

export const ofLimit = (row: Pick<Row, "runs">, limit: Pick<Row, "runs">): OfLimit => ({
  rate: rateOf(row) / rateOf(limit),
  cpu: cpuMicros(limit) / cpuMicros(row),
})

export const goalsOfLimit = ({ rate, cpu }: OfLimit, least: number): ReadonlyArray<Goal> => [
  atLeast("of the limit", rate, least),
  atLeast("of the limit by processor time", cpu, least),
]

export const processNames = ({ runs }: Pick<Row, "runs">): ReadonlyArray<string> => [
  ...new Set(runs.flatMap(({ costs }) => [...costs.cpuMs.keys()])),
]

const rounded = (value: number) => value >= 100 ? value.toFixed(0) : value.toPrecision(2)

export const atLeast = (what: string, is: number, least: number): Goal => ({
  text: `at least ${least} ${what}: ${rounded(is)}`,
  met: is >= least,
})

export const atMost = (what: string, is: number, most: number): Goal => ({
  text: `at most ${most} ${what}: ${rounded(is)}`,
  met: is <= most,
})
