/**
 * The output of the bench: the table, the costs by process, and the goals; or all of it as JSON.
 */
import { columns } from "./columns.ts"
import { type Machine, machineText } from "./machine.ts"
import {
  type Counted,
  cpuMicros,
  cpuMicrosOf,
  medianOf,
  processNames,
  type Row,
  spread,
} from "./row.ts"

const none = "-"
const whole = (value: number) => Math.round(value).toLocaleString("en-US")
const fixed = (value: number, digits: number) =>
  Number.isFinite(value) ? value.toFixed(digits) : none

const legend = [
  "p50, p99: from the request to the decision in rows of latency, else to the acknowledgement. CPU us: processor time",
  "per order, without the load. batch: commands in a transaction. commits (that wrote), flushes (of the disk): per order.",
  "of limit, by CPU: the limit's rate and processor time are 1.",
]

/** The whole report. */
export const report = (machine: Machine, rows: ReadonlyArray<Row>): string => {
  const disturbed = rows.flatMap(({ runs }) => runs).filter((run) => run.disturbed).length
  const runs = rows.reduce((sum, row) => sum + row.runs.length, 0)
  return [
    machineText(machine),
    "",
    mainTable(rows),
    ...legend,
    "",
    "Processor time by process, us per order",
    byProcess(rows, { of: cpuMicrosOf, together: sum }),
    "",
    "Memory at the peak, MiB, of the largest process of a kind",
    byProcess(rows, { of: (row, name) => medianOf(row, memoryOf(name)), together: greatest }),
    "",
    goalsText(rows),
    ...(disturbed === 0 ? [] : [
      "",
      `DISTURBED: in ${disturbed} of ${runs} runs other programs used more than a quarter of a processor`,
    ]),
  ].join("\n")
}

const mainTable = (rows: ReadonlyArray<Row>) =>
  columns(
    [
      "",
      "orders/s (min-max)",
      "p50 ms",
      "p99",
      "CPU us",
      "batch",
      "commits",
      "flushes",
      "of limit",
      "by CPU",
    ],
    rows.map((row) => {
      const { median, least, most } = spread(row.runs.map((run) => run.ratePerSecond))
      const latency = (of: "p50Ms" | "p99Ms") =>
        fixed(medianOf(row, (run) => run.latency?.[of] ?? NaN), 1)
      const cpu = cpuMicros(row)
      const perOrder = (value: (run: Counted) => number) =>
        cpu === 0 ? none : fixed(medianOf(row, (run) => value(run) / run.orders), 3)
      return [
        row.name,
        `${whole(median)} (${whole(least)}-${whole(most)})`,
        latency("p50Ms"),
        latency("p99Ms"),
        cpu === 0 ? none : fixed(cpu, 0),
        fixed(medianOf(row, meanBatch), 0),
        perOrder(({ costs }) => costs.commits),
        perOrder(({ costs }) => costs.flushes ?? NaN),
        ...(row.ofLimit ? [fixed(row.ofLimit.rate, 2), fixed(row.ofLimit.cpu, 2)] : []),
      ]
    }),
  )

const meanBatch = ({ batches: { billing, items, slots, decisions } }: Counted) =>
  (billing + items + slots + decisions) / 4

const memoryOf = (name: string) => ({ costs }: Counted) => costs.memoryMiB.get(name) ?? 0

const shortNames: Readonly<Record<string, string>> = { postgres: "pg", orchestrator: "orchestr." }

/** Each kind has a column: replicas share one, and so do the limit programs. */
const kindOf = (name: string) => {
  const kind = name.replace(/-\d+$/, "")
  return shortNames[kind] ?? kind.replace(/^limit-.*/, "limit")
}

interface Cells {
  /** The value of one process. */
  readonly of: (row: Row, name: string) => number
  /** The value of the processes of a kind. */
  readonly together: (values: ReadonlyArray<number>) => number
}

const byProcess = (rows: ReadonlyArray<Row>, { of, together }: Cells) => {
  const kinds = [...new Set(rows.flatMap((row) => processNames(row).map(kindOf)))]
  return columns(
    ["", ...kinds],
    rows.filter((row) => processNames(row).length > 0).map((row) => [
      row.name,
      ...kinds.map((kind) => {
        const names = processNames(row).filter((name) => kindOf(name) === kind)
        return names.length === 0 ? "" : whole(together(names.map((name) => of(row, name))))
      }),
    ]),
  )
}

const sum = (values: ReadonlyArray<number>) => values.reduce((all, value) => all + value, 0)
const greatest = (values: ReadonlyArray<number>) => Math.max(...values)

const goalsText = (rows: ReadonlyArray<Row>) =>
  [
    "Goals",
    ...rows.flatMap(({ name, goals }) =>
      goals.map(({ text, met }) => `  ${met ? "met   " : "MISSED"}  ${name.trim()}: ${text}`)
    ),
  ].join("\n")

/** Everything that was measured, run by run. */
export const asJson = (machine: Machine, rows: ReadonlyArray<Row>): string =>
  JSON.stringify(
    {
      machine,
      rows: rows.map((row) => ({
        ...row,
        runs: row.runs.map(({ profiles: _, costs, ...run }) => ({
          ...run,
          costs: {
            ...costs,
            cpuMs: Object.fromEntries(costs.cpuMs),
            memoryMiB: Object.fromEntries(costs.memoryMiB),
          },
        })),
      })),
    },
    null,
    2,
  )
