/** What a load has come to, in a line for a terminal. */
import { ends, meantEnds, type Sums } from "../../load.ts"
import { counted } from "../output.ts"

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, "0")}`

/** All of it in a line. */
export const lineOf = (sums: Sums): string =>
  [
    clock(sums.seconds),
    `${sums.perSecond.toFixed(1)}/s`,
    `in flight ${counted(sums.inFlight)}`,
    `p50 ${sums.p50Ms} ms`,
    `p99 ${sums.p99Ms} ms`,
    // Those that are meant are always there, what nobody wants only where it is.
    ...ends.filter((end, n) => n < meantEnds.length || sums.ends[end] > 0).map((end) =>
      `${end} ${counted(sums.ends[end])}`
    ),
  ].join("  ")
