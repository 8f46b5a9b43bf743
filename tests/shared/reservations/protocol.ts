/** The protocol's table, one command at a time, in the shortest form: the oracle of the tests. */
import type { Command, Outcome } from "#shared/contracts/reservation.ts"

export class Oracle {
  readonly balances: Map<string, number>
  readonly records = new Map<string, { outcome: string; resource: string; quantity: number }>()

  constructor(balances: Readonly<Record<string, number>>) {
    this.balances = new Map(Object.entries(balances))
  }

  answer({ orderId, action, resource, quantity }: Command): Outcome {
    const record = this.records.get(orderId)
    const balance = this.balances.get(resource) ?? -1
    if (record === undefined) {
      const outcome = action === "cancel"
        ? "cancelled"
        : balance >= quantity
        ? "reserved"
        : "rejected"
      if (outcome === "reserved") this.balances.set(resource, balance - quantity)
      this.records.set(orderId, { outcome, resource, quantity })
      return { orderId, outcome }
    }
    if (action === "cancel") {
      if (record.outcome === "reserved") {
        record.outcome = "cancelled"
        this.balances.set(record.resource, this.balances.get(record.resource)! + record.quantity)
      }
      return { orderId, outcome: "cancelled" }
    }
    if (record.outcome === "rejected") return { orderId, outcome: "rejected" }
    if (record.outcome === "cancelled") return { orderId, outcome: "cancelled" }
    const same = record.resource === resource && record.quantity === quantity
    return { orderId, outcome: same ? "reserved" : "mismatch" }
  }
}
