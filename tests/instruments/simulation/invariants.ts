/**
 * The invariants of every history, by their numbers in tests/README.md. Most are checked at every
 * commit and at every answer of a participant, some when everything is at rest. Those of single
 * runs are in `runs.ts`, those of one participant in `books.ts`, those of the end in `final.ts`.
 */
import {
  type FailureReason,
  orderCancelled,
  type OrderStatus,
} from "#shared/contracts/order-state.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { Books } from "./books.ts"
import { isFinal, noPoison } from "./final.ts"
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

/** Thirty seconds and jitter. */
const longestWaitMs = 40_000

const isCancelled = (order: OrderRow | undefined): boolean =>
  order?.reason === orderCancelled && order.status !== "completed"

export class Invariants {
  readonly world: World
  private readonly system: System
  private readonly plan: Plan
  readonly orders = new Map<string, OrderRow>()
  readonly books: Record<ParticipantName, Books>
  private readonly away: ReadonlySet<string> | undefined
  /** Whether a clock of orders is wrong, and whether any clock is. */
  private readonly ordersJump: boolean
  private readonly clocksDiffer: boolean

  constructor(system: System, plan: Plan) {
    this.system = system
    this.world = system.world
    this.plan = plan
    this.away = awayForLong(plan)
    const off = plan.timedFaults.filter(({ fault }) => fault.startsWith("clock"))
    this.ordersJump = off.some(({ process }) => process.startsWith("orders"))
    this.clocksDiffer = off.length > 0
    this.books = forEachParticipant((name) => new Books(this.world, name, system.openings[name]))
    // V8 would keep a function that is written where it is assigned, and the world with it.
    for (const name of participants) {
      const onCommit = (changes: ReadonlyArray<Change>) => this.onBooks(name, changes)
      system.databases[name].onCommit = onCommit
    }
    this.world.onAnswer = (name, commands, outcomes) =>
      outcomes.forEach((outcome, n) => {
        if (commands[n]!.action !== "reserve") return
        this.books[name as ParticipantName].answersRightly(outcome)
      })
    const onCommit = (changes: ReadonlyArray<Change>) => this.onOrders(changes)
    system.databases.orders.onCommit = onCommit
  }

  /** Whether all orders are final, except those that only a person can help. */
  get nothingInFlight(): boolean {
    let buried = 0
    for (const id of this.world.poisonous) if (this.isBuried(this.orders.get(id)!)) buried++
    return this.world.ordersInFlight === buried
  }

  /** A poison order becomes a dead letter, and turns round when its deadline has passed. */
  private isBuried({ id, status, createdAt }: OrderRow): boolean {
    const isLate = this.world.kernel.nowMs >= createdAt.getTime() + this.plan.deadlineMs
    return this.world.poisonous.has(id) && this.system.queue.buried.has(id) &&
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
      this.world.statuses.set(after.id, after.status)
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
    if (refusing(order) !== undefined) this.world.poisonous.add(order.id)
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

  /** I12: a stuck compensation is retried soon, however long it has been stuck. */
  private onStuck({ id, stuck }: OrderRow): void {
    const waitMs = Date.parse(stuck!.nextAttemptAt) - this.world.kernel.nowMs
    this.world.check(
      this.clocksDiffer || waitMs < longestWaitMs,
      "I12",
      () => `the compensation of order ${id} is not tried again for ${waitMs} ms`,
    )
  }

  /** I9: only a recorded rejection, the deadline or the customer aborts an order. */
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

  /** I1: a final order holds all of its steps or nothing. */
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

  /**
   * I12: an outage delays only the orders that need the service. A later run of an aborted order
   * needs all of its steps.
   */
  private inTime(order: OrderRow): void {
    const { world, away, books } = this
    const isItsOwnDoing = this.world.poisonous.has(order.id) || world.brokenOn.has(order.id)
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

  /** I8, I9: cancels take effect from the last step to the first, and only after an abort. */
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
    const steps = order === undefined ? participants : needed(order)
    const later = steps.slice(steps.indexOf(name) + 1)
      .map((other) => this.books[other].records.get(orderId)?.outcome)
    // No run passes a rejected step, so the steps after it were never reserved.
    const rejected = later.indexOf("rejected")
    const within = rejected === -1 ? later : later.slice(0, rejected)
    world.check(
      within.every((outcome) => outcome === "cancelled"),
      "I8",
      () => `${name} of order ${orderId} was cancelled while later steps were ${within}`,
    )
  }

  /** I5, I6, I10 to I13: all is final and as its customer was told, and the queue is empty. */
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
        order?.status === status || (!isFinal(status) && this.world.poisonous.has(id)),
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
    noPoison(this, system.queue.buried.keys())
    world.check(
      system.queue.entries.size === 0,
      "I13",
      () => `${system.queue.entries.size} entries are left on the queue`,
    )
  }
}
