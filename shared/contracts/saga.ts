/**
 * Where sagas are right now, and how their waits are cut short: what the orchestrators show to the
 * console. Only what is in flight is shown, as its orchestrator has it in memory: it costs an order
 * nothing, and is gone when the order is final or the orchestrator is.
 */
import { Schema } from "effect"
import { OrderId, StepName, TimelineEntry } from "./order.ts"
import { OperatorReason } from "./text.ts"

/**
 * What a saga asks for: of the register how the order stands (ask) and to end it (decide, settle),
 * else of a participant.
 */
export const SagaAction = Schema.Literals(["ask", "reserve", "decide", "cancel", "settle"])
export type SagaAction = typeof SagaAction.Type

/** A saga in flight. Times are those of its orchestrator's clock. */
export const RunningSaga = Schema.Struct({
  orderId: OrderId,
  /** The name of the consumer that runs it. */
  orchestrator: Schema.String,
  action: SagaAction,
  /** Null while the register is asked. */
  step: Schema.NullOr(StepName),
  /** How often this was asked for, and since when. */
  attempts: Schema.Int,
  since: Schema.String,
  /** Why it failed last; null when it did not. */
  cause: Schema.NullOr(Schema.String),
  /** Null while a request is out, or waits for its turn. */
  nextAttemptAt: Schema.NullOr(Schema.String),
  /**
   * On the way forward the steps that are reserved; on the way back those that may still have to be
   * given back.
   */
  holds: Schema.Array(StepName),
  /** What happened that the register was not told yet. */
  timeline: Schema.Array(TimelineEntry),
}).annotate({ identifier: "RunningSaga" })
export type RunningSaga = typeof RunningSaga.Type

/**
 * What there is to say of orchestrators that were not heard: their names, or why nobody can be
 * asked.
 */
const Unheard = Schema.Array(Schema.String)

/** GET /internal/sagas/:id: null when no orchestrator that was heard has it in flight. */
export const SagaAnswer = Schema.Struct({ saga: Schema.NullOr(RunningSaga), unheard: Unheard })

/** Which of the sagas that failed a try at least, and were not answered since. */
const filterFields = {
  action: Schema.optionalKey(SagaAction),
  step: Schema.optionalKey(StepName),
  cause: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))),
}
export const SagaFilter = Schema.Struct(filterFields)
export type SagaFilter = typeof SagaFilter.Type

/** The most sagas of a page. */
export const maxSagas = 500

/** GET /internal/sagas: oldest order first, from behind one of them on. */
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

/** `next` is where the next page begins `after`; null when this is the last one. */
export const SagaPage = Schema.Struct({
  sagas: Schema.Array(RunningSaga),
  next: Schema.NullOr(OrderId),
  unheard: Unheard,
})

/** Sagas that wait for the same. */
export const StuckGroup = Schema.Struct({
  action: SagaAction,
  step: Schema.NullOr(StepName),
  cause: Schema.String,
  count: Schema.Int,
  oldest: OrderId,
  /** Since when the one that waits longest does. */
  since: Schema.String,
  /** When the first of them is tried again; null while requests of all of them are out. */
  nextAttemptAt: Schema.NullOr(Schema.String),
}).annotate({ identifier: "StuckGroup" })
export type StuckGroup = typeof StuckGroup.Type

/** The most groups that are told of. */
export const maxGroups = 100

/**
 * GET /internal/stuck: the group with the oldest order first. `count` is of all groups, those that
 * are not told too.
 */
export const StuckGroups = Schema.Struct({
  groups: Schema.Array(StuckGroup),
  count: Schema.Int,
  unheard: Unheard,
})

/** The most sagas that are woken at once, and how many are where nothing is said. */
export const maxWoken = 10_000
export const usuallyWoken = 1_000

/** POST /internal/sagas/retry: one order, or the oldest of those that match. */
export const RetryRequest = Schema.Struct({
  orderId: Schema.optionalKey(OrderId),
  ...filterFields,
  /** At most so many; `usuallyWoken` where it does not say. */
  cap: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxWoken })),
  ),
  /** Only counts. */
  dryRun: Schema.optionalKey(Schema.Boolean),
  reason: OperatorReason,
}).annotate({ identifier: "RetryRequest" })

/** What became of it. */
export const RetryResponse = Schema.Struct({
  /** Those that match and wait for their next try. */
  waiting: Schema.Int,
  /** Those that match and are being tried already. */
  trying: Schema.Int,
  /** Those whose wait was cut short. */
  woken: Schema.Int,
  unheard: Unheard,
}).annotate({ identifier: "RetryResponse" })
export type RetryResponse = typeof RetryResponse.Type
