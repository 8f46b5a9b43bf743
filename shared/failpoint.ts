/**
 * Failpoints: the named places at which a fault does the most harm, between one durable step and the next. In the product
 * they do nothing; the simulation and the chaos run provide their own `Failpoint`, which delays there, or kills.
 */
import { Context, Effect } from "effect"

export const failpoints = [
  /** The user is stored, the account not yet opened. */
  "auth.user stored",
  /** The account is committed, the answer not sent. */
  "billing.account opened",
  /** What is to be reserved is locked and worked out, not written. */
  "reservations.before commit",
  /** Reservations are committed, the answer not sent. */
  "reservations.committed",
  /** Orders were accepted by nobody yet. */
  "orders.before insert",
  /** Orders are on disk, neither published nor answered. */
  "orders.inserted",
  "orders.before publish",
  "orders.published",
  /** The sweeper has taken orders, which are due again later, and not published them yet. */
  "orders.swept",
  /** The orders are locked, and what becomes of them is worked out, not written. */
  "orders.before decision",
  /** Decisions are committed, the answer not sent. */
  "orders.decided",
  /** Orders are taken off the queue, their sagas not begun. */
  "orchestrator.taken",
  "orchestrator.before reserve",
  "orchestrator.before decide",
  /** Inside a compensation. */
  "orchestrator.before cancel",
  /** The saga is final, its entry still pending. */
  "orchestrator.before acknowledge",
] as const
export type FailpointName = typeof failpoints[number]

/** What happens at a failpoint. */
export const Failpoint = Context.Reference<(name: FailpointName) => Effect.Effect<void>>(
  "unwind/Failpoint",
  { defaultValue: () => () => Effect.void },
)

/** Marks a place at which a fault is worth trying. */
export const failpoint = (name: FailpointName): Effect.Effect<void> =>
  Effect.flatMap(Failpoint, (at) => at(name))
