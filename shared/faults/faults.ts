/** The faults that an operator has set on one service: which requests meet them, and how. */
import { Clock, Deferred, Effect, Random } from "effect"
import type { FaultName, FaultState, FaultsWanted } from "#shared/contracts/faults.ts"
import { Problem } from "#shared/http/problem.ts"

type InForce = Readonly<Record<FaultName, number>>

const none: InForce = { refusePercent: 0, delayMs: 0, hangPercent: 0, dropPercent: 0 }

/** Longer than callers wait; a caller that hangs up is not noticed. */
const hangMs = 60_000

const refusal = new Problem({
  status: 503,
  code: "fault_set",
  detail: "An operator set a fault on this service, and the request met it. Nothing was done.",
})

const isHit = (percent: number): Effect.Effect<boolean> =>
  percent === 0 ? Effect.succeed(false) : Effect.map(Random.next, (drawn) => drawn * 100 < percent)

/** Makes the faults of a service, initially none. */
export const makeFaults = Effect.sync(() => {
  let given = none
  let untilMs = 0
  let changed = Deferred.makeUnsafe<void>()
  const met = { refused: 0, delayed: 0, hung: 0, dropped: 0 }

  const inForce = Effect.map(
    Clock.currentTimeMillis,
    (nowMs) => nowMs < untilMs ? given : none,
  )

  const state: Effect.Effect<FaultState> = Effect.map(inForce, (faults) => ({
    ...faults,
    until: faults === none ? null : new Date(untilMs).toISOString(),
    met: { ...met },
  }))

  const set = ({ seconds, reason: _, ...wanted }: FaultsWanted): Effect.Effect<FaultState> =>
    Effect.gen(function* () {
      given = Object.values(wanted).some((value) => value > 0) ? wanted : none
      untilMs = (yield* Clock.currentTimeMillis) + seconds * 1000
      // Ends the hangs of the faults that were set before.
      yield* Deferred.succeed(changed, undefined)
      changed = Deferred.makeUnsafe()
      return yield* state
    })

  const hang = (closing: Effect.Effect<void>) =>
    Effect.raceAllFirst([Effect.sleep(hangMs), Deferred.await(changed), closing])

  /**
   * Answers a request under the faults in force; `closing` succeeds when the server wants to close.
   */
  const meet = <E>(
    answer: Effect.Effect<Response, E>,
    closing: Effect.Effect<void>,
  ): Effect.Effect<Response, E | Problem> =>
    Effect.gen(function* () {
      const { refusePercent, delayMs, hangPercent, dropPercent } = yield* inForce
      if (yield* isHit(refusePercent)) {
        met.refused++
        return yield* refusal
      }
      if (delayMs > 0) {
        met.delayed++
        yield* Effect.sleep(delayMs)
      }
      if (yield* isHit(hangPercent)) {
        met.hung++
        yield* hang(closing)
        return yield* refusal
      }
      const response = yield* answer
      if (!(yield* isHit(dropPercent))) return response
      met.dropped++
      return Response.error()
    })

  return { state, set, meet }
})

export type Faults = Effect.Success<typeof makeFaults>
