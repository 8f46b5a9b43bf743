/**
 * What the audit reads from each service (GET, for the orchestrator only): the records of orders
 * and participants, in pages, newest order first, and whether a participant's books balance. Also
 * what the orchestrator tells the console about its audits.
 */
import { Effect, Schema } from "effect"
import { OrderStatus, Steps, StuckCompensation } from "./order-state.ts"
import { Details, OrderId } from "./order.ts"
import { orderSaga } from "./order-saga.ts"
import { OperatorReason } from "./text.ts"

/** The most entries in a page. */
export const maxPage = 1_000

/** The orders between two ids, both exclusive. An omitted id sets no bound. */
export const PageQuery = Schema.Struct({
  before: Schema.optionalKey(OrderId),
  after: Schema.optionalKey(OrderId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxPage }),
    ),
  ),
})
export type PageQuery = typeof PageQuery.Type

/** A time in the format of RFC 3339. */
const RecordedTime = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u, {
    expected: 'a time such as "2026-01-31T09:00:00.000Z"',
    format: "date-time",
  }),
  Schema.makeFilter((time) => !Number.isNaN(Date.parse(time)), {
    expected: "a time that exists",
  }),
)

/** A participant's record of an order: GET /internal/reservations. */
export const Recorded = Schema.Struct({
  orderId: OrderId,
  outcome: Schema.Literals(["reserved", "rejected", "cancelled"]),
  resource: Schema.String,
  quantity: Schema.Int,
  recordedAt: RecordedTime,
}).annotate({ identifier: "Recorded" })
export type Recorded = typeof Recorded.Type

export const RecordedPage = Schema.Struct({ reservations: Schema.Array(Recorded) })

/**
 * A resource whose books do not balance. Books balance when what the resource started with plus
 * operators' adjustments equals its balance plus what orders hold plus what completed, forgotten
 * orders consumed, and nothing but the adjustments is below 0.
 */
export const Imbalance = Schema.Struct({
  resource: Schema.String,
  opening: Schema.Int,
  /** Participants of versions without adjustments omit it. */
  adjusted: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
  balance: Schema.Int,
  held: Schema.Int,
  consumed: Schema.Int,
}).annotate({ identifier: "Imbalance" })
export type Imbalance = typeof Imbalance.Type

/** The most resources that GET /internal/books names. */
export const maxImbalanced = 100

/** GET /internal/books: all of a participant's resources at one instant. */
export const Balance = Schema.Struct({
  resources: Schema.Int,
  imbalanced: Schema.Array(Imbalance),
}).annotate({ identifier: "Balance" })
export type Balance = typeof Balance.Type

/** The state of an order: GET /internal/orders. */
export const AuditedOrder = Schema.Struct({
  orderId: OrderId,
  status: OrderStatus,
  username: Schema.String,
  amountMinor: Schema.Int,
  details: Details,
  steps: Steps,
  createdAt: Schema.String,
  decidedAt: Schema.NullOr(Schema.String),
  stuck: Schema.NullOr(StuckCompensation),
}).annotate({ identifier: "AuditedOrder" })
export type AuditedOrder = typeof AuditedOrder.Type

export const AuditedOrderPage = Schema.Struct({ orders: Schema.Array(AuditedOrder) })

/**
 * GET /internal/orders/unfinished: the oldest order that is not final, and the number of such
 * orders.
 */
export const Unfinished = Schema.Struct({
  oldest: Schema.NullOr(OrderId),
  count: Schema.Int,
}).annotate({ identifier: "Unfinished" })
export type Unfinished = typeof Unfinished.Type

export const findingKinds = [
  /** The order is completed, but the participant holds nothing for it. */
  "missing",
  /** The order is completed, but the participant holds something else for it. */
  "mismatch",
  /**
   * The order failed or has no step at the participant, but the participant holds something for it.
   */
  "leftover",
  /** The participant holds something for an order that the orders service does not know. */
  "orphan",
  /** The order should be final by now, but is not. */
  "stuck",
  /** The books of a resource do not balance. */
  "imbalance",
] as const
export const FindingKind = Schema.Literals(findingKinds)
export type FindingKind = typeof FindingKind.Type

/** Something that must not be: what, why, and what to do about it. */
export const AuditFinding = Schema.Struct({
  kind: FindingKind,
  /** Null for the books of a resource. */
  orderId: Schema.NullOr(OrderId),
  /** Null when the finding is about the whole order. */
  participant: Schema.NullOr(Schema.Literals(orderSaga.map(({ at }) => at))),
  resource: Schema.NullOr(Schema.String),
  /**
   * The age of the order, or of the reservation when the orders service does not know the order.
   * Null for the books of a resource.
   */
  ageMs: Schema.NullOr(Schema.Int),
  cause: Schema.String,
  remedy: Schema.String,
  /** Whether healing gives it back. Otherwise a person decides, or the order goes on by itself. */
  healable: Schema.Boolean,
}).annotate({ identifier: "AuditFinding" })
export type AuditFinding = typeof AuditFinding.Type

/** The most findings in one answer. */
export const maxFindings = 500

const FindingCounts = Schema.Record(FindingKind, Schema.Int)

/** The services that did not answer. */
const Unreached = Schema.Array(Schema.Struct({ service: Schema.String, message: Schema.String }))

/** GET /internal/audit: what the last full audit found, whichever orchestrator ran it. */
export const AuditState = Schema.Struct({
  /** "unknown" until the first full audit. */
  verdict: Schema.Literals(["sound", "findings", "unknown"]),
  /** The end of the last full audit, to which the counts and findings belong. */
  auditedAt: Schema.NullOr(Schema.String),
  /** When the newest orders were last checked; a change there triggers a full audit. */
  lookedAt: Schema.NullOr(Schema.String),
  /** Numbers of orders, by verdict. */
  orders: Schema.Struct({
    allHeld: Schema.Int,
    noneHeld: Schema.Int,
    inFlight: Schema.Int,
    inQuestion: Schema.Int,
  }),
  /** Accounts, items and slots whose books were checked. */
  resources: Schema.Int,
  /** How many findings there are of each kind; `findings` lists the first of them. */
  found: FindingCounts,
  /** Newest order first, the books last. */
  findings: Schema.Array(AuditFinding),
  /** The services that did not answer the last check, so that it failed. */
  unreached: Unreached,
}).annotate({ identifier: "AuditState" })
export type AuditState = typeof AuditState.Type

/** A heal request is answered within this time, however much there is to audit. */
export const healAnswerMs = 8_000

/**
 * POST /internal/audit/heal: audits everything, and gives back what is held for failed orders and
 * for orders that do not exist.
 */
export const HealRequest = Schema.Struct({
  reason: OperatorReason,
  /** Only counts and names what it would give back. */
  dryRun: Schema.optionalKey(Schema.Boolean),
}).annotate({ identifier: "HealRequest" })

/** The result of a heal. Nothing is healed while a service does not answer. */
export const HealResponse = Schema.Struct({
  /**
   * Whether everything was audited. A run that outlasts the answer's time goes on, and shows in the
   * audit's state.
   */
  finished: Schema.Boolean,
  found: FindingCounts,
  /** How many findings can be healed, and how many were. */
  healable: Schema.Int,
  healed: Schema.Int,
  /** The first findings that can be healed. */
  findings: Schema.Array(AuditFinding),
  unreached: Unreached,
}).annotate({ identifier: "HealResponse" })
export type HealResponse = typeof HealResponse.Type
