/**
 * What the audit reads of each service (GET, for the orchestrator only): what orders and
 * participants have on record, a page at a time, newest order first, and whether a participant's
 * books balance. And what it tells the console.
 */
import { Effect, Schema } from "effect"
import { Details, OrderId, OrderStatus, Steps, StuckCompensation } from "./order.ts"
import { orderSaga } from "./order-saga.ts"
import { OperatorReason } from "./text.ts"

/** The most entries of a page. */
export const maxPage = 1_000

/** The orders between two ids, both left out; what is not given has no bound. */
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

/** A time by RFC 3339. */
const RecordedTime = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u, {
    expected: 'a time such as "2026-01-31T09:00:00.000Z"',
    format: "date-time",
  }),
  Schema.makeFilter((time) => !Number.isNaN(Date.parse(time)), {
    expected: "a time that there is",
  }),
)

/** What a participant has on record of an order: GET /internal/reservations. */
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
 * A resource whose books do not balance. They do when what it started with and what operators
 * adjusted since is its balance, what orders hold of it and what completed orders consumed whose
 * records are forgotten by now, together, and none but what was adjusted is below 0.
 */
export const Imbalance = Schema.Struct({
  resource: Schema.String,
  opening: Schema.Int,
  /** Before there were adjustments, participants did not tell. */
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

/** How an order stands: GET /internal/orders. */
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

/** GET /internal/orders/unfinished: the oldest order that is not final, and how many are not. */
export const Unfinished = Schema.Struct({
  oldest: Schema.NullOr(OrderId),
  count: Schema.Int,
}).annotate({ identifier: "Unfinished" })
export type Unfinished = typeof Unfinished.Type

export const findingKinds = [
  /** The order is completed, and the participant holds nothing for it. */
  "missing",
  /** The order is completed, and the participant holds something else for it. */
  "mismatch",
  /** The order failed, or has no step at the participant, which holds something for it. */
  "leftover",
  /** The participant holds something for an order that the orders service does not know. */
  "orphan",
  /** The order should be final by now, and is not. */
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
  /** Null when the order as a whole is meant. */
  participant: Schema.NullOr(Schema.Literals(orderSaga.map(({ at }) => at))),
  resource: Schema.NullOr(Schema.String),
  /**
   * Since the order was made, or something was reserved for one that nobody knows. Null for books.
   */
  ageMs: Schema.NullOr(Schema.Int),
  cause: Schema.String,
  remedy: Schema.String,
  /** Whether healing gives it back; else a person decides, or it goes on by itself. */
  healable: Schema.Boolean,
}).annotate({ identifier: "AuditFinding" })
export type AuditFinding = typeof AuditFinding.Type

/** The most findings that are told of. */
export const maxFindings = 500

const FindingCounts = Schema.Record(FindingKind, Schema.Int)

/** The services that did not answer. */
const Unreached = Schema.Array(Schema.Struct({ service: Schema.String, message: Schema.String }))

/** GET /internal/audit: what the running check last found, whichever orchestrator made it. */
export const AuditState = Schema.Struct({
  /** "unknown" until everything was audited once. */
  verdict: Schema.Literals(["sound", "findings", "unknown"]),
  /** When everything was last audited, which all of this is of. */
  auditedAt: Schema.NullOr(Schema.String),
  /** When the newest orders were last looked at; a change there has everything audited. */
  lookedAt: Schema.NullOr(Schema.String),
  /** Orders, by what was found. */
  orders: Schema.Struct({
    allHeld: Schema.Int,
    noneHeld: Schema.Int,
    inFlight: Schema.Int,
    inQuestion: Schema.Int,
  }),
  /** Accounts, items and slots whose books were checked. */
  resources: Schema.Int,
  /** How many were found; the first of them are the findings. */
  found: FindingCounts,
  /** Newest order first, the books last. */
  findings: Schema.Array(AuditFinding),
  /** Who did not answer the last look, so that it came to nothing. */
  unreached: Unreached,
}).annotate({ identifier: "AuditState" })
export type AuditState = typeof AuditState.Type

/** An answer to a wish to heal comes within so long, whatever there is to audit. */
export const healAnswerMs = 8_000

/**
 * POST /internal/audit/heal: audits everything, and gives back what is held for failed orders and
 * for none.
 */
export const HealRequest = Schema.Struct({
  reason: OperatorReason,
  /** Only counts, and names what it would give back. */
  dryRun: Schema.optionalKey(Schema.Boolean),
}).annotate({ identifier: "HealRequest" })

/** What became of it. Nothing is healed while a service is unreached. */
export const HealResponse = Schema.Struct({
  /**
   * Whether everything was looked at; what takes longer than an answer may goes on, and shows in
   * the audit's state.
   */
  finished: Schema.Boolean,
  found: FindingCounts,
  /** Those that can be healed; how many of them were. */
  healable: Schema.Int,
  healed: Schema.Int,
  /** The first of those that can be healed. */
  findings: Schema.Array(AuditFinding),
  unreached: Unreached,
}).annotate({ identifier: "HealResponse" })
export type HealResponse = typeof HealResponse.Type
