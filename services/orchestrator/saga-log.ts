/**
 * Logs the ends of orders: a line for each order that does not end well, and at the level Debug for
 * every order.
 */
import { Effect, LogLevel } from "effect"
import { orderIdOf, type OrderRun } from "#shared/saga/order-run.ts"
import { traceIdOf } from "#shared/telemetry/trace.ts"

const levelOf = ({ end }: OrderRun): LogLevel.Severity =>
  end === "completed" ? "Debug" : end === "buried" ? "Error" : "Info"

/** Whether the order had ended, and was logged, before this run, which only asked for its state. */
const hadEnded = ({ end, refusal, armed }: OrderRun): boolean =>
  (end === "completed" || end === "failed") && refusal === undefined && armed === 0

/** Whether the end is to be logged at this level. Most orders end well, and many at once. */
export const isNews = (run: OrderRun, least: LogLevel.LogLevel): boolean =>
  LogLevel.isGreaterThanOrEqualTo(levelOf(run), least) && !hadEnded(run)

const saying = ({ end, reason, cause }: OrderRun): string => {
  switch (end) {
    case "completed":
      return "The order is completed"
    case "failed":
      return `The order failed: ${reason ?? "another run aborted it"}`
    case "unknown":
      return "The orders service does not know this order, and what it held is given back"
    default:
      return `An order cannot go on: ${cause}`
  }
}

/** Logs how an order ended, and how long it took from its acceptance, in milliseconds. */
export const logEnd = (run: OrderRun, tookMs: number): Effect.Effect<void> => {
  const { traceparent, republished } = run.delivery.message
  const traceId = traceIdOf(traceparent)
  return Effect.logWithLevel(levelOf(run))(saying(run)).pipe(Effect.annotateLogs({
    orderId: orderIdOf(run),
    ...(traceId !== undefined && { traceId }),
    durationMs: Math.max(0, Math.round(tookMs)),
    ...(republished > 0 && { republished }),
  }))
}
