/**
 * Measures how late timers are in this process: whatever keeps the event loop busy delays every
 * request, too. Node's own monitor does not exist on Deno, and its figures cannot be aggregated
 * over processes.
 */
import { Effect, Layer, Metric } from "effect"
import { fromTheStart } from "./from-the-start.ts"

const everyMs = 100

const delays = (service: string) =>
  Metric.histogram("event_loop_delay_seconds", {
    description: "How late a timer fires that is due every 100 ms",
    boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    attributes: { service },
  })

/** Watches the event loop of a process until the scope closes; does not keep the process alive. */
export const eventLoopLayer = (service: string): Layer.Layer<never> =>
  Layer.effectDiscard(Effect.gen(function* () {
    const delay = delays(service)
    yield* fromTheStart([delay])
    const context = yield* Effect.context<never>()
    let dueMs = performance.now() + everyMs
    const look = () => {
      const nowMs = performance.now()
      delay.updateUnsafe(Math.max(0, nowMs - dueMs) / 1000, context)
      dueMs = nowMs + everyMs
      timer = setTimeout(look, everyMs).unref()
    }
    let timer = setTimeout(look, everyMs).unref()
    yield* Effect.addFinalizer(() => Effect.sync(() => clearTimeout(timer)))
  }))
