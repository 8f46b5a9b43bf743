/** What the load generator is told, and what it tells at the end. */
import type { Shape } from "../work/workload.ts"

export interface Load {
  /** Where orders are posted; connections are spread over them. */
  readonly doors: ReadonlyArray<number>
  /** A header for each customer, that says who it is. */
  readonly customers: ReadonlyArray<string>
  readonly orders: number
  /** As many orders are in flight at most. */
  readonly connections: number
  readonly shape: Shape
  /** An open loop: so many orders a second, however fast they are answered. */
  readonly perSecond?: number
  /** Waits so long for each order's decision, with a `Prefer` header. */
  readonly waitSeconds?: number
  /** Sends an order again at once that was refused for a while (429, 503), whatever it was told. */
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
  /** The end of the first answer that was no success. */
  readonly firstFailure: string
}
