/** The progress of a load, in one line for a terminal. */
import { ends, meantEnds, type Sums } from "../../load.ts"
import { counted } from "../output.ts"

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, "0")}`

/** The line. */
export const lineOf = (sums: Sums): string =>
  [
    clock(sums.seconds),
    `${sums.perSecond.toFixed(1)}/s`,
    `in flight ${counted(sums.inFlight)}`,
    `p50 ${sums.p50Ms} ms`,
    `p99 ${sums.p99Ms} ms`,
    // Intended ends are always shown, unintended ones only where they occur.
    ...ends.filter((end, n) => n < meantEnds.length || sums.ends[end] > 0).map((end) =>
      `${end} ${counted(sums.ends[end])}`
    ),
  ].join("  ")
