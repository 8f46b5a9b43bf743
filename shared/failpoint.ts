/**
 * Failpoints: the named places where a fault does the most harm, between one durable step and the
 * next. In production they do nothing; the simulation and the chaos run provide their own
 * `Failpoint`, which delays or kills there.
 */
import { Context, Effect } from "effect"

export const failpoints = [
  /** The user is stored, and the account not yet opened. */
  "auth.user stored",
  /** The account is committed, and the answer not sent. */
  "billing.account opened",
  /** What to reserve is locked and computed, but not written. */
  "reservations.before commit",
  /** Reservations are committed, and the answer not sent. */
  "reservations.committed",
  /** Orders are not accepted yet. */
  "orders.before insert",
  /** Orders are on disk, but neither published nor answered. */
  "orders.inserted",
  "orders.before publish",
  "orders.published",
  /** The sweeper has taken orders and not yet published them; they are due again later. */
  "orders.swept",
  /** The orders are locked, and their decisions computed, but not written. */
  "orders.before decision",
  /** Decisions are committed, and the answer not sent. */
  "orders.decided",
  /** Orders are taken from the queue, and their sagas not begun. */
  "orchestrator.taken",
  "orchestrator.before reserve",
  "orchestrator.before decide",
  /** Inside a compensation. */
  "orchestrator.before cancel",
  /** The saga is final, and its entry still pending. */
  "orchestrator.before acknowledge",
] as const
export type FailpointName = typeof failpoints[number]

/** What happens at a failpoint. */
export const Failpoint = Context.Reference<(name: FailpointName) => Effect.Effect<void>>(
  "unwind/Failpoint",
  { defaultValue: () => () => Effect.void },
)

/** Marks a place where a fault is worth trying. */
export const failpoint = (name: FailpointName): Effect.Effect<void> =>
  Effect.flatMap(Failpoint, (at) => at(name))
