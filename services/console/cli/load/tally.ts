/** What a load has come to so far: how its orders ended and how long that took, altogether and since the last look. */
import { counted } from "../output.ts"

/** How an order of a load ended, as its customer saw it. */
export type End =
  | "completed"
  | "no money"
  | "no item"
  | "no slot"
  | "failed otherwise"
  | "no answer"
const ends = [
  "completed",
  "no money",
  "no item",
  "no slot",
  "failed otherwise",
  "no answer",
] as const

export interface Sums {
  readonly placed: number
  readonly inFlight: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly ends: Readonly<Record<End, number>>
  /** Why orders had no answer, or ended otherwise than four ways; the first of them. */
  readonly firstTrouble: string | null
}

/** The most latencies that are kept: beyond that, one of so many, as they come. */
const mostKept = 100_000

const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)

export class Tally {
  readonly #startedAtMs = performance.now()
  readonly #ends = Object.fromEntries(ends.map((end) => [end, 0])) as Record<End, number>
  readonly #latenciesMs: Array<number> = []
  #recentMs: Array<number> = []
  #placed = 0
  #ended = 0
  #lookedAtMs = this.#startedAtMs
  #endedThen = 0
  #firstTrouble: string | null = null

  begin(): void {
    this.#placed++
  }

  /** `trouble` says why, where it is none of the four ways that are wanted. */
  end(end: End, latencyMs: number, trouble?: string): void {
    this.#ends[end]++
    // Each of so many that came has the same chance to be among those that are kept.
    const place = this.#ended < mostKept ? this.#ended : Math.floor(Math.random() * this.#ended)
    if (place < mostKept) this.#latenciesMs[place] = latencyMs
    this.#recentMs.push(latencyMs)
    this.#ended++
    this.#firstTrouble ??= trouble ?? null
  }

  get inFlight(): number {
    return this.#placed - this.#ended
  }

  /** From the beginning. */
  sums(): Sums {
    const seconds = (performance.now() - this.#startedAtMs) / 1000
    return this.#over(seconds, this.#ended / seconds, this.#latenciesMs)
  }

  /** The same, but rate and latency are of what ended since this was called last. */
  recent(): Sums {
    const nowMs = performance.now()
    const rate = (this.#ended - this.#endedThen) / ((nowMs - this.#lookedAtMs) / 1000)
    const sums = this.#over((nowMs - this.#startedAtMs) / 1000, rate, this.#recentMs)
    this.#lookedAtMs = nowMs
    this.#endedThen = this.#ended
    this.#recentMs = []
    return sums
  }

  #over(seconds: number, perSecond: number, latenciesMs: ReadonlyArray<number>): Sums {
    const sorted = latenciesMs.toSorted((a, b) => a - b)
    return {
      placed: this.#placed,
      inFlight: this.inFlight,
      seconds,
      perSecond,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      ends: { ...this.#ends },
      firstTrouble: this.#firstTrouble,
    }
  }
}

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
    // The four that are wanted are always there, what nobody wants only where it is.
    ...ends.filter((end, n) => n < 4 || sums.ends[end] > 0).map((end) =>
      `${end} ${counted(sums.ends[end])}`
    ),
  ].join("  ")
