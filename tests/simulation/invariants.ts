/**
 * What must hold in every history, by the numbers that the project gives its invariants. Most of it is checked at every
 * commit of every database; the rest when everything is at rest.
 */
import type { FailureReason, OrderStatus } from "#shared/contracts/order.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import type { Acknowledged } from "./customers.ts"
import type { Plan } from "./plan.ts"
import { type ParticipantName, participants, refusals } from "./services.ts"
import type { System } from "./system.ts"
import type { Change } from "./tables/database.ts"
import type { OrderRow } from "./tables/order-table.ts"
import type { World } from "./world.ts"

/** What one participant holds, seen from outside. */
interface Books {
  readonly openings: ReadonlyMap<string, number>
  readonly records: Map<string, Reservation>
  readonly balances: Map<string, number>
  readonly held: Map<string, number>
}

/** Thirty seconds, and what jitter adds. */
const longestWaitMs = 40_000

const isFinal = (status: OrderStatus) => status === "completed" || status === "failed"

export class Invariants {
  private readonly world: World
  private readonly system: System
  private readonly plan: Plan
  private readonly orders = new Map<string, OrderRow>()
  private readonly books: Record<ParticipantName, Books>
  private readonly clocksJump: boolean

  constructor(system: System, plan: Plan) {
    this.system = system
    this.world = system.world
    this.plan = plan
    this.clocksJump = plan.timedFaults.some(({ fault }) => fault === "clock jump")
    const booksOf = (openings: ReadonlyMap<string, number>): Books => ({
      openings,
      records: new Map(),
      balances: new Map(openings),
      held: new Map(),
    })
    this.books = {
      billing: booksOf(system.openings.billing),
      items: booksOf(system.openings.items),
      slots: booksOf(system.openings.slots),
    }
    // V8 makes a function long-lived that is written where it is assigned, and this one would keep a whole world.
    for (const name of participants) {
      const onCommit = (changes: ReadonlyArray<Change>) => this.onBooks(name, changes)
      system.databases[name].onCommit = onCommit
    }
    const onCommit = (changes: ReadonlyArray<Change>) => this.onOrders(changes)
    system.databases.orders.onCommit = onCommit
  }

  get nothingInFlight(): boolean {
    return this.world.ordersInFlight === 0
  }

  private onOrders(changes: ReadonlyArray<Change>): void {
    for (const change of changes) {
      if (change.table !== "orders") continue
      const before = change.before as OrderRow | undefined
      const after = change.after as OrderRow | undefined
      if (after === undefined) {
        this.world.violated("I5", `order ${change.key} is gone`)
        continue
      }
      this.orders.set(after.id, after)
      if (before === undefined) this.world.ordersInFlight++
      if (isFinal(after.status) && (before === undefined || !isFinal(before.status))) {
        this.world.ordersInFlight--
      }
      if (before?.status !== after.status) this.onStatus(before?.status, after)
      if (after.stuck !== null) this.onStuck(after)
    }
  }

  private onStatus(before: OrderStatus | undefined, order: OrderRow): void {
    const { id, status, reason } = order
    this.world.kernel.note(`order ${id}: ${before ?? "new"} -> ${status} ${reason ?? ""}`)
    const legal = `${before ?? "new"} -> ${status}`
    this.world.check(
      [
        "new -> pending",
        "pending -> completed",
        "pending -> compensating",
        "compensating -> failed",
      ]
        .includes(legal),
      "I7",
      () => `order ${id} went ${legal}`,
    )
    if (status === "compensating") this.onAbort(order, reason)
    if (isFinal(status)) this.whole(order)
  }

  /** I12: however long it has been in vain, a compensation is tried again soon. */
  private onStuck({ id, stuck }: OrderRow): void {
    const waitMs = Date.parse(stuck!.nextAttemptAt) - this.world.kernel.nowMs
    this.world.check(
      this.clocksJump || waitMs < longestWaitMs,
      "I12",
      () => `the compensation of order ${id} is not tried again for ${waitMs} ms`,
    )
  }

  /** I9: only a recorded rejection or the deadline aborts. */
  private onAbort(order: OrderRow, reason: FailureReason | null): void {
    const rejecting = participants.find((name) => refusals[name] === reason)
    const rightly = rejecting === undefined
      ? this.clocksJump ||
        this.world.kernel.nowMs >= order.createdAt.getTime() + this.plan.deadlineMs
      : this.books[rejecting].records.get(order.id)?.outcome === "rejected"
    this.world.check(rightly, "I9", () => `order ${order.id} was aborted for "${reason}"`)
  }

  /** I1: all or nothing. */
  private whole(order: OrderRow): void {
    const wanted = {
      billing: { resource: order.username, quantity: order.amountMinor },
      items: { resource: `${order.details.item}`, quantity: 1 },
      slots: { resource: order.details.slot, quantity: 1 },
    }
    for (const name of participants) {
      const record = this.books[name].records.get(order.id)
      const holds = record?.outcome === "reserved"
      const rightly = order.status === "failed" ? !holds : holds &&
        record.resource === wanted[name].resource && record.quantity === wanted[name].quantity
      this.world.check(
        rightly,
        "I1",
        () => `order ${order.id} is ${order.status}, and ${name} has ${JSON.stringify(record)}`,
      )
    }
  }

  private onBooks(name: ParticipantName, changes: ReadonlyArray<Change>): void {
    const books = this.books[name]
    const touched = new Set<string>()
    for (const { table, before, after, key } of changes) {
      if (table !== "reservations") {
        books.balances.set(key, (after as { balance: number }).balance)
        touched.add(key)
        continue
      }
      const [was, is] = [before, after] as [Reservation | undefined, Reservation]
      books.records.set(key, is)
      if (was?.outcome === "reserved") this.hold(books, touched, was, -1)
      if (is.outcome === "reserved") this.hold(books, touched, is, 1)
    }
    for (const { table, before, after } of changes) {
      if (table !== "reservations") continue
      this.onRecord(name, before as Reservation | undefined, after as Reservation)
    }
    for (const resource of touched) this.balanced(name, resource)
  }

  private hold(
    books: Books,
    touched: Set<string>,
    { resource, quantity }: Reservation,
    sign: 1 | -1,
  ) {
    books.held.set(resource, (books.held.get(resource) ?? 0) + sign * quantity)
    touched.add(resource)
  }

  /** I2: what is left and what is held make up what there was, and nothing is negative. */
  private balanced(name: ParticipantName, resource: string): void {
    const { openings, balances, held } = this.books[name]
    const left = balances.get(resource) ?? 0
    const holds = held.get(resource) ?? 0
    const opening = openings.get(resource) ?? 0
    this.world.check(
      left >= 0 && left + holds === opening,
      "I2",
      () => `${name} has ${left} of ${resource} left and ${holds} held, of ${opening}`,
    )
  }

  /** I3, I4: recorded once, given back once, never taken again. I8, I9: undone in reverse, and only what is to be undone. */
  private onRecord(name: ParticipantName, was: Reservation | undefined, is: Reservation): void {
    const { world } = this
    const { orderId } = is
    world.kernel.note(`${name} of ${orderId}: ${was?.outcome ?? "nothing"} -> ${is.outcome}`)
    const legal = was === undefined || (was.outcome === "reserved" && is.outcome === "cancelled")
    world.check(
      legal,
      was?.outcome === "cancelled" ? "I4" : "I3",
      () => `${name} of order ${orderId} went from ${was?.outcome} to ${is.outcome}`,
    )
    const order = this.orders.get(orderId)
    if (order !== undefined && isFinal(order.status)) this.whole(order)
    if (is.outcome !== "cancelled") return
    world.check(
      order?.status !== "pending" && order?.status !== "completed",
      "I9",
      () => `${name} of order ${orderId} was cancelled while the order was ${order?.status}`,
    )
    const later = participants.slice(participants.indexOf(name) + 1)
      .map((other) => this.books[other].records.get(orderId)?.outcome)
    // No run passes a rejected step, so what is behind one was never reserved.
    const rejected = later.indexOf("rejected")
    const within = rejected === -1 ? later : later.slice(0, rejected)
    world.check(
      within.every((outcome) => outcome !== "reserved"),
      "I8",
      () => `${name} of order ${orderId} was cancelled while later steps were ${within}`,
    )
  }

  /** I5, I6, I10, I12, I13: everything is final, told as it is, and nothing is left over. */
  atRest(acknowledged: ReadonlyMap<string, Acknowledged>): void {
    const { world, system, plan } = this
    for (const { id, status } of this.orders.values()) {
      world.check(isFinal(status), "I12", () => `order ${id} is still ${status}`)
    }
    world.check(
      acknowledged.size === plan.wishes.length,
      "I12",
      () => `${plan.wishes.length - acknowledged.size} orders were never acknowledged`,
    )
    for (const [key, { id, status }] of acknowledged) {
      const order = this.orders.get(id)
      world.check(order !== undefined, "I5", () => `the acknowledged order ${id} (${key}) is gone`)
      world.check(
        order?.status === status,
        "I11",
        () => `the customer of ${id} was told ${status}, and it is ${order?.status}`,
      )
    }
    const keys = new Set(
      [...this.orders.values()].map(({ username, idempotencyKey }) =>
        `${username} ${idempotencyKey}`
      ),
    )
    world.check(
      keys.size === this.orders.size,
      "I6",
      () => `${this.orders.size} orders were made of ${keys.size} keys`,
    )
    for (const name of participants) {
      for (const { orderId, outcome } of this.books[name].records.values()) {
        world.check(
          outcome !== "reserved" || this.orders.has(orderId),
          "I10",
          () => `${name} holds something for ${orderId}, which is no order`,
        )
      }
    }
    world.check(
      system.queue.entries.size === 0,
      "I13",
      () => `${system.queue.entries.size} entries are left on the queue`,
    )
  }
}
