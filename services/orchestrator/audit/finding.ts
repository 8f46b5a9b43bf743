/**
 * Judges an order by its state and the participants' records of it: held by all, held by none, in
 * flight, or something that must not be. A finding says what, why, and what to do about it.
 */
import type { AuditedOrder, AuditFinding, Balance, Recorded } from "#shared/contracts/audit.ts"
import {
  orderSaga,
  type OrderStep,
  type ParticipantName,
  participantNames,
} from "#shared/contracts/order-saga.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"

/** A finding as the console gets it, with the command that heals it. */
export interface Finding extends Omit<AuditFinding, "healable"> {
  /** Null when a person has to decide, or when the order goes on by itself. */
  readonly heal: Command | null
}

/** One order, or the records of an id that belongs to no order. */
export interface OrderRecords {
  readonly orderId: OrderId
  readonly standing: AuditedOrder | undefined
  readonly recorded: Readonly<Partial<Record<ParticipantName, Recorded>>>
}

export interface AuditTerms {
  readonly nowMs: number
  /** The age at which an order should be final. */
  readonly overdueMs: number
  /** Whether the participant has forgotten what it had on record of the order. */
  readonly isForgotten: (participant: ParticipantName, orderId: OrderId) => boolean
}

export type Verdict = "all held" | "none held" | "in flight" | ReadonlyArray<Finding>

/** Judges one order. */
export const judge = (records: OrderRecords, terms: AuditTerms): Verdict => {
  const { standing } = records
  if (standing === undefined) {
    const isHeld = heldOf(records).length > 0
    return unlessEmpty(orphans(records, terms), isHeld ? "in flight" : "none held")
  }
  switch (standing.status) {
    case "completed":
      return unlessEmpty(
        [...notHeld(records, standing, terms), ...leftovers(records, standing, terms)],
        "all held",
      )
    case "failed":
      return unlessEmpty(leftovers(records, standing, terms), "none held")
    case "pending":
    case "compensating":
      return unlessEmpty(overdue(standing, terms), "in flight")
  }
}

const unlessEmpty = (findings: ReadonlyArray<Finding>, verdict: Verdict): Verdict =>
  findings.length === 0 ? verdict : findings

const heldOf = ({ recorded }: OrderRecords): ReadonlyArray<readonly [ParticipantName, Recorded]> =>
  participantNames.flatMap((name) => {
    const record = recorded[name]
    return record?.outcome === "reserved" ? [[name, record] as const] : []
  })

const cancelOf = ({ orderId, resource, quantity }: Recorded): Command => ({
  orderId,
  action: "cancel",
  resource,
  quantity,
})

const orphans = (records: OrderRecords, { nowMs, overdueMs }: AuditTerms) =>
  heldOf(records).flatMap(([participant, record]): ReadonlyArray<Finding> => {
    const ageMs = nowMs - Date.parse(record.recordedAt)
    // A younger one may belong to an order that only the queue has: its saga undoes it.
    if (ageMs <= overdueMs) return []
    return [{
      kind: "orphan",
      orderId: record.orderId,
      participant,
      resource: record.resource,
      ageMs,
      cause: `orders knows no such order, but ${participant} holds ${amountOf(record)}`,
      remedy: "unless orders was restored from a backup: --heal gives it back",
      heal: cancelOf(record),
    }]
  })

const rowsOf = ({ steps }: AuditedOrder): ReadonlyArray<OrderStep> =>
  orderSaga.filter(({ step }) => steps.includes(step))

const leftovers = (records: OrderRecords, standing: AuditedOrder, { nowMs }: AuditTerms) => {
  const isFailed = standing.status === "failed"
  const needed = isFailed ? [] : rowsOf(standing).map(({ at }) => at)
  return heldOf(records).filter(([participant]) => !needed.includes(participant)).map((
    [participant, record],
  ): Finding => ({
    kind: "leftover",
    orderId: record.orderId,
    participant,
    resource: record.resource,
    ageMs: nowMs - Date.parse(standing.createdAt),
    cause: isFailed
      ? `the order failed, but ${participant} still holds ${amountOf(record)}`
      : `the order has no step at ${participant}, but ${participant} holds ${amountOf(record)}`,
    remedy: "--heal gives it back",
    heal: cancelOf(record),
  }))
}

const notHeld = (
  { orderId, recorded }: OrderRecords,
  standing: AuditedOrder,
  { isForgotten, nowMs }: AuditTerms,
) =>
  rowsOf(standing).flatMap((row): ReadonlyArray<Finding> => {
    const participant = row.at
    const record = recorded[participant]
    const wanted = wantedOf(standing, row)
    if (record === undefined && isForgotten(participant, orderId)) return []
    const isHeld = record?.outcome === "reserved"
    if (isHeld && record.resource === wanted.resource && record.quantity === wanted.quantity) {
      return []
    }
    const found = isHeld
      ? `holds ${amountOf(record)}`
      : `has ${record === undefined ? "nothing" : `it as ${record.outcome}`} on record`
    return [{
      kind: isHeld ? "mismatch" : "missing",
      orderId,
      participant,
      resource: wanted.resource,
      ageMs: nowMs - Date.parse(standing.createdAt),
      cause: `the order is completed with ${amountOf(wanted)}, but ${participant} ${found}`,
      remedy: `a person decides: restore a newer backup of ${participant}, or settle it by hand`,
      heal: null,
    }]
  })

const overdue = (
  standing: AuditedOrder,
  { nowMs, overdueMs }: AuditTerms,
): ReadonlyArray<Finding> => {
  const { orderId, status, createdAt, stuck } = standing
  const ageMs = nowMs - Date.parse(createdAt)
  if (ageMs <= overdueMs) return []
  const why = stuck === null
    ? ""
    : `; ${stuck.step} after ${stuck.attempts} attempts: ${stuck.cause}`
  return [{
    kind: "stuck",
    orderId,
    participant: null,
    resource: null,
    ageMs,
    cause: `the order is still ${status}${why}`,
    remedy: "it goes on by itself once an orchestrator reaches all services: see their logs",
    heal: null,
  }]
}

const wantedOf = (standing: AuditedOrder, { takes }: OrderStep) => {
  const [resource, quantity] = takes(standing)
  return { resource, quantity }
}

const amountOf = (
  { resource, quantity }: { readonly resource: string; readonly quantity: number },
): string => `${quantity} of ${resource}`

/** The findings in a participant's books. */
export const judgeBooks = (
  participant: ParticipantName,
  { imbalanced }: Balance,
): ReadonlyArray<Finding> =>
  imbalanced.map(({ resource, opening, adjusted, balance, held, consumed }) => ({
    kind: "imbalance",
    orderId: null,
    participant,
    resource,
    ageMs: null,
    cause: `${participant} started with ${opening} of ${resource}` +
      (adjusted === 0 ? "" : ` and was adjusted by ${adjusted}`) +
      `, but ${balance} are left, ${held} held and ${consumed} consumed`,
    remedy: "a person decides: correct what was changed by hand, or restore a backup",
    heal: null,
  }))

/** Identifies a finding across audits. */
export const keyOf = ({ kind, orderId, participant, resource }: Finding): string =>
  `${kind} ${orderId ?? resource} ${participant}`
