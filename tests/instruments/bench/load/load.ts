/** The load generator's input and output. */
import type { Shape } from "../work/workload.ts"

export interface Load {
  /** The ports at which orders are posted; connections are spread over them. */
  readonly doors: ReadonlyArray<number>
  /** A header for each customer that identifies it. */
  readonly customers: ReadonlyArray<string>
  readonly orders: number
  /** The most orders in flight. */
  readonly connections: number
  readonly shape: Shape
  /** An open loop: this many orders a second, however fast the answers come. */
  readonly perSecond?: number
  /** How long each request waits for its order's decision, by a `Prefer` header. */
  readonly waitSeconds?: number
  /** Sends a refused order again at once (429, 503), regardless of Retry-After. */
  readonly again?: boolean
  /** Gives each order an idempotency key of its own. */
  readonly keys?: boolean
}

export interface LoadResult {
  /** Milliseconds since the epoch: before the first request, and after the last answer. */
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** From request to answer. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly statuses: Readonly<Record<string, number>>
  /** The end of the first answer that is not a success. */
  readonly firstFailure: string
}
