/** Polls /livez as a liveness probe does, and measures how long the answers take. */
import { Effect, type Scope } from "effect"
import { setTimeout as wait } from "node:timers/promises"

const everyMs = 20

/**
 * Polls until the scope closes. Returns the function that tells the 99th percentile of the answers'
 * times, in milliseconds.
 */
export const askLivez = (port: number): Effect.Effect<() => number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const asking = { tookMs: [] as Array<number>, goesOn: true }
        const ask = async () => {
          while (asking.goesOn) {
            const startedMs = performance.now()
            const answer = await fetch(`http://127.0.0.1:${port}/livez`)
            await answer.text()
            if (!answer.ok) throw new Error(`/livez: ${answer.status}`)
            asking.tookMs.push(performance.now() - startedMs)
            await wait(everyMs)
          }
        }
        // An unanswered request took for ever.
        return { asking, ended: ask().catch(() => asking.tookMs.push(Infinity)) }
      }),
      ({ asking, ended }) =>
        Effect.promise(() => {
          asking.goesOn = false
          return ended
        }),
    ),
    ({ asking: { tookMs } }) => () => {
      const sorted = tookMs.toSorted((a, b) => a - b)
      return sorted[Math.floor(0.99 * (sorted.length - 1))] ?? NaN
    },
  )
