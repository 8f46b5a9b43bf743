/**
 * What the orchestrators show the console: where sagas are right now, and how to cut their waits
 * short. Only sagas in flight are shown, from the memory of their orchestrator: this costs an order
 * nothing, and is gone when the order is final or the orchestrator stops.
 */
import { Schema } from "effect"
import { StepName, TimelineEntry } from "./order-state.ts"
import { OrderId } from "./order.ts"
import { OperatorReason } from "./text.ts"

/**
 * What a saga requests: of the register, the order's state (ask) or its end (decide, settle); of a
 * participant, a reserve or a cancel.
 */
export const SagaAction = Schema.Literals(["ask", "reserve", "decide", "cancel", "settle"])
export type SagaAction = typeof SagaAction.Type

/** A saga in flight. Times are those of its orchestrator's clock. */
export const RunningSaga = Schema.Struct({
  orderId: OrderId,
  /** The name of the consumer that runs it. */
  orchestrator: Schema.String,
  action: SagaAction,
  /** Null for a request to the register. */
  step: Schema.NullOr(StepName),
  /** How often this was requested, and since when. */
  attempts: Schema.Int,
  since: Schema.String,
  /** Why the last attempt failed; null when none failed. */
  cause: Schema.NullOr(Schema.String),
  /** Null while a request is in flight or waits for its turn. */
  nextAttemptAt: Schema.NullOr(Schema.String),
  /**
   * Going forward, the steps that are reserved; when turned round, those that may still have to be
   * given back.
   */
  holds: Schema.Array(StepName),
  /** What happened and was not reported to the register yet. */
  timeline: Schema.Array(TimelineEntry),
}).annotate({ identifier: "RunningSaga" })
export type RunningSaga = typeof RunningSaga.Type

/** The names of orchestrators that did not answer, or why none can be asked. */
const Unheard = Schema.Array(Schema.String)

/** GET /internal/sagas/:id: null when no orchestrator that answered has it in flight. */
export const SagaAnswer = Schema.Struct({ saga: Schema.NullOr(RunningSaga), unheard: Unheard })

/** Selects among the sagas that failed an attempt and got no answer since. */
const filterFields = {
  action: Schema.optionalKey(SagaAction),
  step: Schema.optionalKey(StepName),
  cause: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))),
}
export const SagaFilter = Schema.Struct(filterFields)
export type SagaFilter = typeof SagaFilter.Type

/** The most sagas in a page. */
export const maxSagas = 500

/** GET /internal/sagas: oldest order first, those after a given one. */
export const SagaQuery = Schema.Struct({
  ...filterFields,
  after: Schema.optionalKey(OrderId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxSagas }),
    ),
  ),
})

/** `next` is the `after` of the next page; null on the last one. */
export const SagaPage = Schema.Struct({
  sagas: Schema.Array(RunningSaga),
  next: Schema.NullOr(OrderId),
  unheard: Unheard,
})

/** Sagas that wait for the same action of the same step, with the same cause. */
export const StuckGroup = Schema.Struct({
  action: SagaAction,
  step: Schema.NullOr(StepName),
  cause: Schema.String,
  count: Schema.Int,
  oldest: OrderId,
  /** Since when the one that waits longest has waited. */
  since: Schema.String,
  /** When the first of them is retried; null while requests of all of them are in flight. */
  nextAttemptAt: Schema.NullOr(Schema.String),
}).annotate({ identifier: "StuckGroup" })
export type StuckGroup = typeof StuckGroup.Type

/** The most groups in one answer. */
export const maxGroups = 100

/**
 * GET /internal/stuck: the group with the oldest order first. `count` counts all groups, including
 * those that are left out.
 */
export const StuckGroups = Schema.Struct({
  groups: Schema.Array(StuckGroup),
  count: Schema.Int,
  unheard: Unheard,
})

/** The most sagas that one request wakes, and the default. */
export const maxWoken = 10_000
export const usuallyWoken = 1_000

/** POST /internal/sagas/retry: one order, or the oldest of the matching ones. */
export const RetryRequest = Schema.Struct({
  orderId: Schema.optionalKey(OrderId),
  ...filterFields,
  /** At most so many; `usuallyWoken` by default. */
  cap: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxWoken })),
  ),
  /** Only counts. */
  dryRun: Schema.optionalKey(Schema.Boolean),
  reason: OperatorReason,
}).annotate({ identifier: "RetryRequest" })

/** The result of a retry. */
export const RetryResponse = Schema.Struct({
  /** Matching sagas that wait for their next attempt. */
  waiting: Schema.Int,
  /** Matching sagas that are being tried already. */
  trying: Schema.Int,
  /** Sagas whose wait was cut short. */
  woken: Schema.Int,
  unheard: Unheard,
}).annotate({ identifier: "RetryResponse" })
export type RetryResponse = typeof RetryResponse.Type
