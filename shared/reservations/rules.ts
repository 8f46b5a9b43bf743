/**
 * A participant's rules as a pure function: given the records of the orders and what is left of the
 * resources, it applies commands one after another and returns the outcomes and what to write. The
 * recorded outcome makes answers repeatable: the same command gets the same answer, and a reserve
 * that comes after its cancel is refused. Records are not kept for ever; once a record is
 * forgotten, the order's age refuses its reserve instead.
 */
import { Duration } from "effect"
import { madeAtMs } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"

/** What one participant has recorded of one order. */
export interface Reservation {
  readonly orderId: string
  readonly outcome: "reserved" | "rejected" | "cancelled"
  readonly resource: string
  readonly quantity: number
}

/** What a participant's answers depend on, besides its records. */
export interface AgeLimits {
  readonly nowMs: number
  /** How long after its creation an order may reserve. */
  readonly retentionMs: number
}

/** More than the difference between clocks plus the time that a command is under way. */
const marginMs = Duration.toMillis("12 hours")

/**
 * A cancel of an order that was created before this leaves no tombstone: its reserve is already
 * refused by every clock.
 */
const tombstonesSinceMs = ({ nowMs, retentionMs }: AgeLimits): number =>
  nowMs - retentionMs - marginMs

/**
 * Final orders that were created before this may be forgotten: by no clock is anything recorded for
 * them any more.
 */
export const forgettableBefore = (nowMs: number, retentionMs: number): number =>
  nowMs - retentionMs - 2 * marginMs

/** The result of a batch of commands. */
export interface Applied {
  readonly outcomes: ReadonlyArray<Outcome>
  /** The orders that had no record before. */
  readonly recorded: ReadonlyArray<Reservation>
  /** The orders whose recorded reservation was given back. */
  readonly givenBack: ReadonlyArray<Reservation>
  /** What to add to each resource's balance; resources with an unchanged balance are left out. */
  readonly changes: ReadonlyMap<string, number>
}

/**
 * Applies the commands in their order. `known` holds every record of their orders, `available` the
 * balance of every resource they or those records name; a resource that is not in it does not
 * exist.
 */
export const applyCommands = (
  commands: ReadonlyArray<Command>,
  known: ReadonlyMap<string, Reservation>,
  available: ReadonlyMap<string, number>,
  terms: AgeLimits,
): Applied => {
  const now = new Map(known)
  const balances = new Map(available)
  const outcomes = commands.map((command): Outcome => {
    const { orderId, action } = command
    const before = now.get(orderId)
    if (before === undefined && isPast(command, terms)) return { orderId, outcome: "cancelled" }
    if (action === "reserve") {
      const after = before ?? reserve(command, balances)
      now.set(orderId, after)
      return answerReserve(command, after)
    }
    const after = cancel(command, before, balances)
    now.set(orderId, after)
    return { orderId, outcome: "cancelled" }
  })
  const touched = [...now.values()]
  return {
    outcomes,
    recorded: touched.filter(({ orderId }) => !known.has(orderId)),
    givenBack: touched.filter(({ orderId, outcome }) =>
      outcome === "cancelled" && known.get(orderId)?.outcome === "reserved"
    ),
    changes: new Map(
      [...balances].map(([resource, balance]) =>
        [resource, balance - available.get(resource)!] as const
      )
        .filter(([, change]) => change !== 0),
    ),
  }
}

/**
 * Whether the order is so old that its age acts as the tombstone: a reserve that has no record is
 * refused. For a cancel the limit is later, since another replica's clock might still accept a
 * reserve.
 */
const isPast = ({ orderId, action }: Command, terms: AgeLimits): boolean =>
  madeAtMs(orderId) <
    (action === "reserve" ? terms.nowMs - terms.retentionMs : tombstonesSinceMs(terms))

const reserve = (
  { orderId, resource, quantity }: Command,
  balances: Map<string, number>,
): Reservation => {
  const balance = balances.get(resource)
  const enough = balance !== undefined && balance >= quantity
  if (enough) balances.set(resource, balance - quantity)
  return { orderId, outcome: enough ? "reserved" : "rejected", resource, quantity }
}

const cancel = (
  { orderId, resource, quantity }: Command,
  before: Reservation | undefined,
  balances: Map<string, number>,
): Reservation => {
  // The tombstone: a reserve that comes later is refused.
  if (before === undefined) return { orderId, outcome: "cancelled", resource, quantity }
  if (before.outcome !== "reserved") return before
  const balance = balances.get(before.resource)
  // Nothing is given back to a resource that was removed meanwhile.
  if (balance !== undefined) balances.set(before.resource, balance + before.quantity)
  return { ...before, outcome: "cancelled" }
}

const answerReserve = (command: Command, recorded: Reservation): Outcome => {
  const { orderId } = command
  if (recorded.outcome !== "reserved") return { orderId, outcome: recorded.outcome }
  const same = recorded.resource === command.resource && recorded.quantity === command.quantity
  return { orderId, outcome: same ? "reserved" : "mismatch" }
}
