/** The output of a run: a progress line, and a table at the end. */
import { failpoints } from "#shared/failpoint.ts"
import type { Evidence } from "./evidence.ts"
import { limits, type Run, type Verdict } from "./verdict.ts"

const told = 20

/** The progress line. */
export const progressLine = (
  elapsedMs: number,
  { submissions }: Evidence,
  faults: ReadonlyArray<string>,
): string => {
  const acknowledged = submissions.filter((submission) => submission.acknowledged).length
  const final = submissions.filter((submission) => submission.told).length
  return `[${(elapsedMs / 1000).toFixed(0).padStart(4)} s] ${acknowledged} acknowledged, ` +
    `${final} final, ${submissions.length - final} in flight | ` +
    (faults.join(", ") || "no more faults: waiting until all is final")
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const rows = (pairs: ReadonlyArray<readonly [string, string]>): string => {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")
}

/** The figures, the faults, and the limits that must hold. */
export const table = ({ evidence, books }: Run, verdict: Verdict): string => {
  const { submissions, failpointsHit, answersCompared } = evidence
  const orders = [...books.orders.values()]
  const count = (status: string) => orders.filter((order) => order.status === status).length
  const timedOut = orders.filter(({ reason }) => reason === "Order timed out").length
  const swept = orders.filter(({ republished }) => republished > 0).length
  const slowest = verdict.slowestReconnect
  const fine = (100 * verdict.fineInCalm / Math.max(1, verdict.madeInCalm)).toFixed(1)
  return [
    "Orders",
    rows([
      ["sent", `${submissions.length}`],
      ["acknowledged", `${submissions.filter(({ acknowledged }) => acknowledged).length}`],
      ["completed", `${count("completed")}`],
      ["failed", `${count("failed")} (${timedOut} timed out)`],
      ["put on the queue again", `${swept}`],
      ["answers compared by key", `${answersCompared}`],
      ["lost", `${verdict.lost.length}`],
      ["half done", `${verdict.halfDone.length}`],
      ["double", `${verdict.double.length}`],
    ]),
    "Faults: how often, and how often with orders in flight",
    rows(verdict.kinds.map(({ kind, times, amidOrders }) => [kind, `${times}, ${amidOrders}`])),
    `  failpoints hit: ${failpointsHit.size} of ${failpoints.length}`,
    "Times",
    rows([
      [
        "last order final after the last fault",
        `${seconds(verdict.finalAfterMs)} (at most ${seconds(limits.finalWithinMs)})`,
      ],
      ["slowest order", seconds(verdict.slowestOrderMs)],
      [
        "slowest of the reconnects",
        slowest === undefined ? "none was measured" : `${seconds(slowest.ms)} of ` +
          `${evidence.reconnects.length} (at most ${seconds(limits.readyWithinMs)}): ` +
          `${slowest.replica} after "${slowest.after}"`,
      ],
      [
        "fine at the first try, outside fault windows",
        `${fine} % of ${verdict.madeInCalm} (at least ${100 * limits.fineInCalm} %)`,
      ],
    ]),
  ].join("\n")
}

/** The first lines of what is wrong. */
export const complaints = (title: string, lines: ReadonlyArray<string>): string =>
  [
    `${title}:`,
    ...lines.slice(0, told).map((line) => `  ${line}`),
    ...(lines.length > told ? [`  and ${lines.length - told} more`] : []),
  ].join("\n")
