/** What operators and the sweeper do to orchestrators and the queue, here more than needed. */
import type { Effect } from "effect"
import type { RunningSagas } from "#services/orchestrator/running-sagas.ts"
import type { Kernel } from "./kernel.ts"

export const operations = ["retry now", "redrive", "published again"] as const
export const isOperation = (fault: string): boolean =>
  operations.some((operation) => operation === fault)

/** More often than the longest wait. */
const retryEveryMs = 7_000
const retriesForMs = 10 * 60_000

/** An operator who for a while retries all orders that wait there, or only the oldest. */
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
