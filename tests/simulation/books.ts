/** What one participant holds, seen from outside: kept and checked at every commit of its database. */
import type { Reservation } from "#shared/reservations/rules.ts"
import type { ParticipantName } from "./services.ts"
import type { Change } from "./tables/database.ts"
import type { World } from "./world.ts"

export class Books {
  /** By order. */
  readonly records = new Map<string, Reservation>()
  private readonly balances: Map<string, number>
  private readonly held = new Map<string, number>()

  private readonly world: World
  private readonly name: ParticipantName
  private readonly openings: ReadonlyMap<string, number>

  constructor(world: World, name: ParticipantName, openings: ReadonlyMap<string, number>) {
    this.world = world
    this.name = name
    this.openings = openings
    this.balances = new Map(openings)
  }

  /** Gives the records that are new or other than before. */
  onCommit(changes: ReadonlyArray<Change>): ReadonlyArray<Reservation> {
    const touched = new Set<string>()
    const records: Array<Reservation> = []
    for (const { table, before, after, key } of changes) {
      if (table !== "reservations") {
        this.balances.set(key, (after as { balance: number }).balance)
        touched.add(key)
        continue
      }
      const [was, is] = [before, after] as [Reservation | undefined, Reservation]
      this.records.set(key, is)
      records.push(is)
      if (was?.outcome === "reserved") this.hold(touched, was, -1)
      if (is.outcome === "reserved") this.hold(touched, is, 1)
      this.recordedOnce(was, is)
    }
    for (const resource of touched) this.balanced(resource)
    return records
  }

  private hold(touched: Set<string>, { resource, quantity }: Reservation, sign: 1 | -1): void {
    this.held.set(resource, (this.held.get(resource) ?? 0) + sign * quantity)
    touched.add(resource)
  }

  /** I2: what is left and what is held make up what there was, and nothing is negative. */
  private balanced(resource: string): void {
    const left = this.balances.get(resource) ?? 0
    const holds = this.held.get(resource) ?? 0
    const opening = this.openings.get(resource) ?? 0
    this.world.check(
      left >= 0 && left + holds === opening,
      "I2",
      () => `${this.name} has ${left} of ${resource} left and ${holds} held, of ${opening}`,
    )
  }

  /** I3, I4: recorded once, given back once, never taken again. */
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
}
