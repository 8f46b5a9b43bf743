/**
 * What a participant answers, as a pure function: given what is recorded of the orders and what is
 * available of the resources, it applies commands one after another and tells the outcomes and what
 * has to be written. The recorded outcome is the memory: the same command gets the same answer, and
 * a cancel that came first refuses its reserve. Records are not kept for ever; from then on an
 * order's age does what its record did.
 */
import { Duration } from "effect"
import { madeAtMs } from "#shared/contracts/order-time.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"

/** What one participant has recorded of one order. */
export interface Reservation {
  readonly orderId: string
  readonly outcome: "reserved" | "rejected" | "cancelled"
  readonly resource: string
  readonly quantity: number
}

/** What a participant answers by, besides what is on record. */
export interface AgeLimits {
  readonly nowMs: number
  /** How long after its making an order may reserve. */
  readonly retentionMs: number
}

/** More than clocks differ and a command takes on its way. */
const marginMs = Duration.toMillis("12 hours")

/**
 * A cancel of an order that was made before leaves no tombstone: every clock refuses its reserve by
 * now.
 */
const tombstonesSinceMs = ({ nowMs, retentionMs }: AgeLimits): number =>
  nowMs - retentionMs - marginMs

/**
 * Final orders that were made before may be forgotten: by no clock is anything recorded of them any
 * more.
 */
export const forgettableBefore = (nowMs: number, retentionMs: number): number =>
  nowMs - retentionMs - 2 * marginMs

/** What a batch of commands comes to. */
export interface Applied {
  readonly outcomes: ReadonlyArray<Outcome>
  /** The orders that had no record before. */
  readonly recorded: ReadonlyArray<Reservation>
  /** The orders whose recorded reservation was given back. */
  readonly givenBack: ReadonlyArray<Reservation>
  /** What is to be added to each resource's balance; resources whose balance stays are left out. */
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
 * Whether the order is so old that its age itself is the tombstone: a reserve of it that had no
 * record is refused. For a cancel that is later, as another replica's clock might still let a
 * reserve in.
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
  // What is given back of a resource that was removed meanwhile goes nowhere.
  if (balance !== undefined) balances.set(before.resource, balance + before.quantity)
  return { ...before, outcome: "cancelled" }
}

const answerReserve = (command: Command, recorded: Reservation): Outcome => {
  const { orderId } = command
  if (recorded.outcome !== "reserved") return { orderId, outcome: recorded.outcome }
  const same = recorded.resource === command.resource && recorded.quantity === command.quantity
  return { orderId, outcome: same ? "reserved" : "mismatch" }
}
