/**
 * What must hold in every history, by the numbers that the project gives its invariants. Most of it
 * is checked at every commit of every database; the rest when everything is at rest.
 */
import { type FailureReason, orderCancelled, type OrderStatus } from "#shared/contracts/order.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { Books } from "./books.ts"
import type { Acknowledged } from "./customers.ts"
import type { Answered } from "./operator.ts"
import { awayForLong, patienceMs } from "./patience.ts"
import type { Plan } from "./plan.ts"
import { type ParticipantName, participants, refusals, stepAt } from "./services.ts"
import type { System } from "./system.ts"
import type { Change } from "./tables/database.ts"
import type { OrderRow } from "./tables/order-table.ts"
import { needed, refusing, wantedOf } from "./wanted.ts"
import type { World } from "./world.ts"

/** Thirty seconds, and what jitter adds. */
const longestWaitMs = 40_000

const isCancelled = (order: OrderRow | undefined): boolean =>
  order?.reason === orderCancelled && order.status !== "completed"

const isFinal = (status: OrderStatus) => status === "completed" || status === "failed"

export class Invariants {
  private readonly world: World
  private readonly system: System
  private readonly plan: Plan
  private readonly orders = new Map<string, OrderRow>()
  private readonly books: Record<ParticipantName, Books>
  private readonly away: ReadonlySet<string> | undefined
  /** Whether the clocks of orders, and of the orchestrator, jumped. */
  private readonly ordersJump: boolean
  private readonly clocksDiffer: boolean
  /** Orders that a participant refuses as malformed. */
  private readonly poisonous = new Set<string>()

  constructor(system: System, plan: Plan) {
    this.system = system
    this.world = system.world
    this.plan = plan
    this.away = awayForLong(plan)
    const off = plan.timedFaults.filter(({ fault }) => fault.startsWith("clock"))
    this.ordersJump = off.some(({ process }) => process.startsWith("orders"))
    this.clocksDiffer = off.length > 0
    this.books = forEachParticipant((name) => new Books(this.world, name, system.openings[name]))
    // V8 keeps a function that is written where it is assigned, and with it a whole world.
    for (const name of participants) {
      const onCommit = (changes: ReadonlyArray<Change>) => this.onBooks(name, changes)
      system.databases[name].onCommit = onCommit
    }
    const onCommit = (changes: ReadonlyArray<Change>) => this.onOrders(changes)
    system.databases.orders.onCommit = onCommit
  }

  /** Whether everything is final but for what only a person can help on. */
  get nothingInFlight(): boolean {
    let buried = 0
    for (const id of this.poisonous) if (this.isBuried(this.orders.get(id)!)) buried++
    return this.world.ordersInFlight === buried
  }

  /** A poison order has to become a dead letter, and to turn round when its deadline has passed. */
  private isBuried({ id, status, createdAt }: OrderRow): boolean {
    const isLate = this.world.kernel.nowMs >= createdAt.getTime() + this.plan.deadlineMs
    return this.poisonous.has(id) && this.system.queue.buried.has(id) &&
      (status === "compensating" || (status === "pending" && !isLate))
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
      if (before === undefined) this.onNew(after)
      if (isFinal(after.status) && (before === undefined || !isFinal(before.status))) {
        this.world.ordersInFlight--
      }
      if (before?.status !== after.status) this.onStatus(before?.status, after)
      if (after.stuck !== null) this.onStuck(after)
    }
  }

  private onNew(order: OrderRow): void {
    const { world } = this
    world.ordersInFlight++
    world.placed.add(order.id)
    if (refusing(order) !== undefined) this.poisonous.add(order.id)
    if (order.steps.length < participants.length) {
      world.hit("order: of an earlier version", order.id)
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
    this.inTime(order)
  }

  /** I12: however long it has been in vain, a compensation is tried again soon. */
  private onStuck({ id, stuck }: OrderRow): void {
    const waitMs = Date.parse(stuck!.nextAttemptAt) - this.world.kernel.nowMs
    this.world.check(
      this.clocksDiffer || waitMs < longestWaitMs,
      "I12",
      () => `the compensation of order ${id} is not tried again for ${waitMs} ms`,
    )
  }

  /** I9: only a recorded rejection, the deadline or the customer aborts. */
  private onAbort(order: OrderRow, reason: FailureReason | null): void {
    this.world.check(
      this.isReason(order, reason),
      "I9",
      () => `order ${order.id} was aborted for "${reason}"`,
    )
  }

  private isReason({ id, createdAt }: OrderRow, reason: FailureReason | null): boolean {
    const { world, plan, books, ordersJump } = this
    if (reason === orderCancelled) return world.cancelling.has(id)
    const rejecting = participants.find((name) => refusals[name] === reason)
    return rejecting === undefined
      ? ordersJump || world.kernel.nowMs >= createdAt.getTime() + plan.deadlineMs
      : books[rejecting].records.get(id)?.outcome === "rejected"
  }

  /** I1: all or nothing, of the steps that the order was accepted with. */
  private whole(order: OrderRow): void {
    const wanted = wantedOf(order)
    for (const name of needed(order)) {
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

  /** I12: an outage delays only what needs it; a later run of an aborted order needs all steps. */
  private inTime(order: OrderRow): void {
    const { world, away, books } = this
    const isItsOwnDoing = this.poisonous.has(order.id) || world.brokenOn.has(order.id)
    if (away === undefined || isItsOwnDoing) return
    const steps = needed(order)
    const refused = isFinal(order.status)
      ? -1
      : steps.findIndex((name) => books[name].records.get(order.id)?.outcome === "rejected")
    const asked = refused === -1 ? steps : steps.slice(0, refused + 1)
    const tookMs = world.kernel.nowMs - order.createdAt.getTime()
    world.check(
      tookMs < patienceMs || asked.some((name) => away.has(name)),
      "I12",
      () =>
        `order ${order.id} is ${order.status} after ${tookMs} ms, and needed nobody who is away`,
    )
  }

  private onBooks(name: ParticipantName, changes: ReadonlyArray<Change>): void {
    for (const record of this.books[name].onCommit(changes)) this.onRecord(name, record)
  }

  /** I8, I9: undone in reverse, and only what is to be undone. */
  private onRecord(name: ParticipantName, { orderId, outcome }: Reservation): void {
    const { world } = this
    const order = this.orders.get(orderId)
    if (order !== undefined && isFinal(order.status)) this.whole(order)
    world.check(
      order === undefined || order.steps.includes(stepAt[name]),
      "I1",
      () => `${name} has ${outcome} of order ${orderId}, whose steps are ${order?.steps}`,
    )
    if (outcome !== "cancelled") return
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
  atRest(
    acknowledged: ReadonlyMap<string, Acknowledged>,
    adjusted: ReadonlyArray<Answered>,
  ): void {
    const { world, system, plan } = this
    for (const one of adjusted) this.books[one.participant].toldRightly(one)
    for (const order of this.orders.values()) {
      const { id, status } = order
      world.check(
        isFinal(status) || this.isBuried(order),
        "I12",
        () => `order ${id} is still ${status}`,
      )
    }
    world.check(
      acknowledged.size === plan.wishes.length,
      "I12",
      () => `${plan.wishes.length - acknowledged.size} orders were never acknowledged`,
    )
    for (const [key, { id, status, cancelled }] of acknowledged) {
      const order = this.orders.get(id)
      world.check(order !== undefined, "I5", () => `the acknowledged order ${id} (${key}) is gone`)
      world.check(
        order?.status === status || (!isFinal(status) && this.poisonous.has(id)),
        "I11",
        () => `the customer of ${id} was told ${status}, and it is ${order?.status}`,
      )
      world.check(
        cancelled === undefined || (cancelled === "in time") === isCancelled(order),
        "I11",
        () => `the customer of ${id} was told that it is cancelled ${cancelled}: ${order?.reason}`,
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
    this.noPoison()
    world.check(
      system.queue.entries.size === 0,
      "I13",
      () => `${system.queue.entries.size} entries are left on the queue`,
    )
  }

  /** I10: a poison entry is a dead letter, alone, and got no further than the one it poisons. */
  private noPoison(): void {
    const { world, books } = this
    for (const name of participants) {
      for (const { orderId, outcome } of books[name].records.values()) {
        world.check(
          outcome !== "reserved" || this.orders.has(orderId),
          "I10",
          () => `${name} holds something for ${orderId}, which is no order`,
        )
      }
    }
    for (const id of this.system.queue.buried.keys()) {
      const isWrong = this.orders.has(id) && !this.poisonous.has(id)
      world.check(!isWrong, "I10", () => `order ${id} is a dead letter, and nobody refuses it`)
    }
    for (const id of this.poisonous) {
      const order = this.orders.get(id)!
      const behind = needed(order).slice(needed(order).indexOf(refusing(order)!))
      world.check(
        behind.every((name) => books[name].records.get(id)?.outcome !== "reserved"),
        "I10",
        () => `order ${id} went past ${behind[0]}, which refuses it`,
      )
    }
  }
}
