/** The sagas that this orchestrator has in flight: shows them, and cuts the waits of some short. */
import { Clock, Context, Effect, Layer } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { RunningSaga, SagaFilter } from "#shared/contracts/saga.ts"
import { hasStep, orderIdOf, type OrderRun } from "#shared/saga/order-run.ts"
import { wake } from "#shared/saga/wait.ts"
import { steadyMsOf } from "#shared/steady-time.ts"

/** A saga as its own orchestrator shows it; the asker adds the orchestrator's name. */
export type LocalSaga = Omit<RunningSaga, "orchestrator">

/** One order, or the matching ones that were held up. */
export type Selection = SagaFilter & { readonly orderId?: OrderId }

/** How many sagas match: those that wait for their next attempt, and those that are being tried. */
export interface Counted {
  readonly waiting: number
  readonly trying: number
  /** The oldest of the orders that wait. */
  readonly oldest: ReadonlyArray<OrderId>
}

export class RunningSagas extends Context.Service<RunningSagas, {
  /** By the ids of their orders. The consumer maintains this map. */
  readonly inFlight: Map<OrderId, OrderRun>
  readonly find: (orderId: OrderId) => Effect.Effect<LocalSaga | undefined>
  /** The matching sagas that were held up, oldest order first, those after a given one. */
  readonly heldUp: (
    filter: SagaFilter,
    page: { readonly after?: OrderId | undefined; readonly limit: number },
  ) => Effect.Effect<ReadonlyArray<LocalSaga>>
  readonly count: (selection: Selection, most: number) => Effect.Effect<Counted>
  /** Cuts short the wait of at most `most` sagas, the oldest first; returns how many. */
  readonly retry: (selection: Selection, most: number) => Effect.Effect<number>
}>()("unwind/orchestrator/RunningSagas") {
  static readonly layer: Layer.Layer<RunningSagas> = Layer.sync(RunningSagas, () => {
    const inFlight = new Map<OrderId, OrderRun>()
    const selected = ({ orderId, ...filter }: Selection): ReadonlyArray<OrderRun> => {
      if (orderId === undefined) {
        return [...inFlight.values()].filter((run) => isHeldUp(run) && matches(run, filter))
      }
      const run = inFlight.get(orderId)
      return run === undefined || !matches(run, filter) ? [] : [run]
    }
    return RunningSagas.of({
      inFlight,
      find: (orderId) =>
        Effect.clockWith((clock) => {
          const run = inFlight.get(orderId)
          return Effect.succeed(run === undefined ? undefined : shown(run, clock))
        }),
      heldUp: (filter, { after = "", limit }) =>
        Effect.clockWith((clock) =>
          Effect.sync(() =>
            oldestFirst(selected(filter).filter((run) => orderIdOf(run) > after))
              .slice(0, limit)
              .map((run) => shown(run, clock))
          )
        ),
      count: (selection, most) =>
        Effect.sync(() => {
          const runs = selected(selection)
          const waiting = runs.filter(({ wait }) => wait !== undefined)
          return {
            waiting: waiting.length,
            trying: runs.length - waiting.length,
            oldest: oldestFirst(waiting).slice(0, most).map(orderIdOf),
          }
        }),
      retry: (selection, most) =>
        Effect.sync(() => {
          const waiting = selected(selection).filter(({ wait }) => wait !== undefined)
          return wake(oldestFirst(waiting).slice(0, most))
        }),
    })
  })
}

/** Whether it failed an attempt and got no answer since. */
const isHeldUp = ({ failure, end }: OrderRun): boolean => failure !== "" && end === undefined

const matches = ({ request, failure }: OrderRun, { action, step, cause }: SagaFilter): boolean =>
  (action === undefined || request?.action === action) &&
  (step === undefined || request?.step === step) &&
  (cause === undefined || failure === cause)

/** The ids of orders sort by their time of creation. */
const oldestFirst = (runs: ReadonlyArray<OrderRun>): ReadonlyArray<OrderRun> =>
  runs.toSorted((a, b) => orderIdOf(a) < orderIdOf(b) ? -1 : 1)

const shown = (run: OrderRun, clock: Clock.Clock): LocalSaga => {
  const { request, attempts, startedAtMs, takenAtMs, failure, wait, timeline } = run
  const nowMs = clock.currentTimeMillisUnsafe()
  const sinceSteadyMs = request === undefined ? takenAtMs : startedAtMs
  return {
    orderId: orderIdOf(run),
    // A run without a request was taken just now.
    action: request?.action ?? "ask",
    step: request?.step ?? null,
    attempts,
    since: isoOf(nowMs - (steadyMsOf(clock) - sinceSteadyMs)),
    cause: failure === "" ? null : failure,
    nextAttemptAt: wait === undefined ? null : isoOf(wait.overAtMs),
    holds: holdsOf(run),
    timeline,
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString()

const holdsOf = (run: OrderRun): LocalSaga["holds"] =>
  run.refusal === undefined
    ? run.timeline.flatMap(({ step, outcome }) => outcome === "reserved" ? [step] : [])
    : orderSaga.slice(0, run.armed).flatMap((row) => hasStep(run, row) ? [row.step] : [])
