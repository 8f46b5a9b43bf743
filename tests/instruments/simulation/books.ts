/** What one participant has on record, followed and checked at every commit of its database. */
import type { Adjustment } from "#shared/contracts/stock.ts"
import type { Outcome } from "#shared/contracts/reservation.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import type { Answered } from "./operator.ts"
import type { ParticipantName } from "./services.ts"
import type { Change } from "./tables/database.ts"
import type { World } from "./world.ts"

export class Books {
  /** By order. */
  readonly records = new Map<string, Reservation>()
  /** The orders that something was reserved for, even if it is given back. */
  private readonly everReserved = new Set<string>()
  /** By operator and key. */
  readonly ledger = new Map<string, Adjustment>()
  private readonly balances: Map<string, number>
  private readonly held = new Map<string, number>()

  private readonly world: World
  private readonly name: ParticipantName
  /** What there was at first, plus what operators added. */
  private readonly totals: Map<string, number>

  constructor(world: World, name: ParticipantName, openings: ReadonlyMap<string, number>) {
    this.world = world
    this.name = name
    this.totals = new Map(openings)
    this.balances = new Map(openings)
  }

  /** Returns the records that are new or changed. */
  onCommit(changes: ReadonlyArray<Change>): ReadonlyArray<Reservation> {
    const touched = new Set<string>()
    const records: Array<Reservation> = []
    for (const { table, before, after, key } of changes) {
      if (table === "adjustments") {
        this.adjusted(key, before, after as Adjustment)
        touched.add((after as Adjustment).resource)
        continue
      }
      if (table !== "reservations") {
        this.balances.set(key, (after as { balance: number }).balance)
        touched.add(key)
        continue
      }
      const [was, is] = [before, after] as [Reservation | undefined, Reservation]
      this.records.set(key, is)
      records.push(is)
      if (was?.outcome === "reserved") this.hold(touched, was, -1)
      if (is.outcome === "reserved") {
        this.hold(touched, is, 1)
        this.everReserved.add(key)
      }
      this.recordedOnce(was, is)
    }
    for (const resource of touched) this.balanced(resource)
    return records
  }

  private hold(touched: Set<string>, { resource, quantity }: Reservation, sign: 1 | -1): void {
    this.held.set(resource, (this.held.get(resource) ?? 0) + sign * quantity)
    touched.add(resource)
  }

  /** I3: an adjustment is written once. */
  private adjusted(key: string, before: object | undefined, adjustment: Adjustment): void {
    const { resource, change } = adjustment
    this.world.check(
      before === undefined,
      "I3",
      () => `the adjustment ${key} of ${this.name} was written again`,
    )
    this.ledger.set(key, adjustment)
    this.totals.set(resource, (this.totals.get(resource) ?? 0) + change)
  }

  /** I2: left + held = opening + adjustments, and nothing is negative. */
  private balanced(resource: string): void {
    const left = this.balances.get(resource) ?? 0
    const holds = this.held.get(resource) ?? 0
    const total = this.totals.get(resource) ?? 0
    this.world.check(
      left >= 0 && left + holds === total,
      "I2",
      () => `${this.name} has ${left} of ${resource} left and ${holds} held, of ${total}`,
    )
  }

  /** I3, I4: a record is written once, and given back once at most. */
  private recordedOnce(was: Reservation | undefined, { orderId, outcome }: Reservation): void {
    const { world, name } = this
    world.kernel.note(`${name} of ${orderId}: ${was?.outcome ?? "nothing"} -> ${outcome}`)
    const legal = was === undefined || (was.outcome === "reserved" && outcome === "cancelled")
    world.check(
      legal,
      was?.outcome === "cancelled" ? "I4" : "I3",
      () => `${name} of order ${orderId} went from ${was?.outcome} to ${outcome}`,
    )
  }

  /**
   * I6: a reserve is answered with what is on record. A record changes only when a reservation is
   * given back, so only this changes the answer.
   */
  answersRightly({ orderId, outcome }: Outcome): void {
    const record = this.records.get(orderId)
    this.world.check(
      outcome === record?.outcome || (outcome === "reserved" && this.everReserved.has(orderId)),
      "I6",
      () =>
        `${this.name} answers the reserve of order ${orderId} with ${outcome}, and has it as ` +
        `${record?.outcome}`,
    )
  }

  /**
   * I6: the ledger has what an operator was told of an adjustment. A late copy of a refused one may
   * still succeed.
   */
  toldRightly({ key, told }: Answered): void {
    if (told === undefined) return
    const written = this.ledger.get(key)
    this.world.check(
      written?.number === told.number && written.left === told.left,
      "I6",
      () =>
        `the adjustment ${key} of ${this.name} was told ${
          JSON.stringify(told)
        }, and the ledger has ` +
        `${JSON.stringify(written)}`,
    )
  }
}
