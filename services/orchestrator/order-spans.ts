/**
 * The spans of traced orders' sagas: one for each saga, which continues the order's trace, and
 * within it one for each step and decision, however often it is tried. A request for several orders
 * is linked with the step of each. Nothing is kept for orders that are not traced.
 */
import { Clock, Context, Effect, Exit, type Tracer } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderRun } from "#shared/saga/order-run.ts"
import { isFailure } from "#shared/saga/retry.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { spanOf, TracingEnabled } from "#shared/telemetry/trace.ts"
import type { OfOrder } from "./suspects.ts"

/** A step or decision that is not answered yet. */
interface Open {
  readonly span: Tracer.Span
  attempts: number
}

interface Traced {
  readonly saga: Tracer.Span
  /** By name: the register may be asked while a step waits for its next attempt. */
  readonly open: Map<string, Open>
  /** The span of the request in flight. */
  current: Tracer.Span | undefined
}

/** What is asked for an order; the name is that of the span. */
export interface Asked<O> {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly outcome: (answer: O) => string
}

export class OrderSpans {
  readonly #traced = new Map<OrderId, Traced>()

  /** Opens the spans of sagas that begin. */
  readonly begun = (runs: ReadonlyArray<OrderRun>): Effect.Effect<void> =>
    Effect.flatMap(
      TracingEnabled,
      (enabled) => !enabled ? Effect.void : Effect.forEach(runs, this.#begin, { discard: true }),
    )

  readonly #begin = (run: OrderRun): Effect.Effect<void> => {
    const { orderId, traceparent, republished } = run.delivery.message
    const parent = spanOf(traceparent)
    if (!parent?.sampled) return Effect.void
    const attributes = { "order.id": orderId, "order.republished": republished }
    return Effect.map(
      Effect.makeSpan("order saga", { kind: "consumer", parent, attributes }),
      (saga) => void this.#traced.set(orderId, { saga, open: new Map(), current: undefined }),
    )
  }

  /**
   * Sends these entries, in a span for each traced order. The span of an entry that gets no answer
   * stays open for the next attempt.
   */
  readonly asking = <I extends OfOrder, O>(
    entries: ReadonlyArray<I>,
    asked: (entry: I) => Asked<O>,
    send: Effect.Effect<Answers<O>>,
  ): Effect.Effect<Answers<O>> => {
    if (this.#traced.size === 0) return send
    const traced = entries.flatMap((entry, n) => {
      const one = this.#traced.get(entry.orderId)
      return one === undefined ? [] : [{ one, n, entry, asked: asked(entry) }]
    })
    if (traced.length === 0) return send
    return Effect.gen(function* () {
      for (const { one, entry, asked: { name, attributes } } of traced) {
        const span = one.open.get(name)?.span ?? (yield* Effect.makeSpan(name, {
          parent: one.saga,
          attributes: { "order.id": entry.orderId, ...attributes },
        }))
        one.open.set(name, { span, attempts: 1 + (one.open.get(name)?.attempts ?? 0) })
        one.current = span
      }
      const answers = yield* send
      const clock = yield* Clock.Clock
      for (const { one, n, asked } of traced) {
        tell(one, answers[n]!, { asked, count: entries.length, clock })
      }
      return answers
    })
  }

  /** The spans of the requests in flight for these orders, of those that are traced. */
  readonly of = (entries: ReadonlyArray<OfOrder>): ReadonlyArray<Tracer.Span> =>
    this.#traced.size === 0
      ? []
      : entries.flatMap(({ orderId }) => this.#traced.get(orderId)?.current ?? [])

  readonly traceIdOf = (orderId: OrderId): string | undefined =>
    this.#traced.get(orderId)?.saga.traceId

  /** Closes the spans of a saga that has ended here, with the given attributes. */
  readonly end = (
    orderId: OrderId,
    attributes: Readonly<Record<string, unknown>>,
    clock: Clock.Clock,
  ): void => {
    const traced = this.#traced.get(orderId)
    if (traced === undefined) return
    this.#traced.delete(orderId)
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) traced.saga.attribute(name, value)
    }
    for (const { span } of traced.open.values()) {
      span.end(clock.currentTimeNanosUnsafe(), Exit.interrupt())
    }
    traced.saga.end(clock.currentTimeNanosUnsafe(), Exit.void)
  }
}

const tell = <O>(
  traced: Traced,
  answer: Answers<O>[number],
  { asked, count, clock }: { asked: Asked<O>; count: number; clock: Clock.Clock },
): void => {
  const open = traced.open.get(asked.name)
  traced.current = undefined
  if (open === undefined) return
  const { span, attempts } = open
  span.attribute("saga.attempts", attempts)
  span.attribute("batch.size", count)
  const now = clock.currentTimeNanosUnsafe()
  if (isFailure(answer)) return span.event("not answered", now, { cause: answer.message })
  span.attribute("saga.outcome", asked.outcome(answer))
  span.end(now, Exit.void)
  traced.open.delete(asked.name)
}

/** The spans of this process's sagas; an order's saga runs once in it. */
export const CurrentOrderSpans = Context.Reference<OrderSpans>("unwind/orchestrator/OrderSpans", {
  defaultValue: () => new OrderSpans(),
})
