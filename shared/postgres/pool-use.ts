/**
 * Metrics of a connection pool: its size, the connections in use, and the requests that wait for
 * one.
 */
import { type Context, Metric } from "effect"

const gauge = (name: string, description: string, service: string) =>
  Metric.gauge(name, { description, attributes: { service, unit: "{connection}" } })

/** Makes the function that records each change; every metric exists from the start. */
export const poolUse = (service: string, size: number, context: Context.Context<never>) => {
  const most = gauge("database_pool_size", "Connections that the pool may open", service)
  const used = gauge("database_connections_used", "Connections that are in use", service)
  const waiting = gauge("database_waiting", "Requests that wait for a connection", service)
  most.updateUnsafe(size, context)
  /** `count` is the number of requests with a connection or waiting for one. */
  const present = (count: number): void => {
    used.updateUnsafe(Math.min(count, size), context)
    waiting.updateUnsafe(Math.max(0, count - size), context)
  }
  present(0)
  return present
}
