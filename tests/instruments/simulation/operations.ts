/**
 * What operators do to orchestrators and the queue, all of it too often: no fault, and no help
 * either.
 */
import type { Effect } from "effect"
import type { RunningSagas } from "#services/orchestrator/running-sagas.ts"
import type { Kernel } from "./kernel.ts"

export const operations = ["retry now", "redrive", "published again"] as const
export const isOperation = (fault: string): boolean =>
  operations.some((operation) => operation === fault)

/**
 * How often somebody says that what waits is to be tried now: more often than the longest wait; and
 * for how long.
 */
const retryEveryMs = 7_000
const retriesForMs = 10 * 60_000

/**
 * Somebody who says it again and again for a while, of every order that waits there, or of the
 * oldest alone.
 */
export const retryNow = (
  kernel: Kernel,
  tell: (retry: (sagas: RunningSagas["Service"]) => Effect.Effect<number>) => void,
): void => {
  const untilMs = kernel.nowMs + retriesForMs
  const say = () => {
    tell((sagas) => sagas.retry({}, kernel.draw("retries", 2) === 0 ? 1 : Infinity))
    if (kernel.nowMs < untilMs) kernel.after(retryEveryMs, "", undefined, say)
  }
  say()
}
