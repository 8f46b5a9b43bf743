/**
 * What the parts of a simulated world share: the kernel, the plan's faults and which of them have
 * happened, the processes and how they end, and what was found to be wrong.
 */
import { Effect, Exit } from "effect"
import type { OrderStatus } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { failpoints } from "#shared/failpoint.ts"
import type { Kernel, Process } from "./kernel.ts"
import { startMs } from "./kernel.ts"
import { Runs } from "./runs.ts"
import { faultsEndMs, type OrderFault, type Plan, type Point, type PointFault } from "./plan.ts"

export interface Violation {
  /** The invariant, I1 to I13. */
  readonly invariant: string
  readonly found: string
}

/** Faults that may find nothing to act on where the plan has them. */
const countedWhereTheyAct: ReadonlySet<string> = new Set([
  "callee crashes",
  "doubled",
  "entry stolen",
  "wiped",
])

const kindOf = ({ point, fault }: PointFault) => `${point.split(" ", 1)[0]}: ${fault}`

/**
 * How often, and when last, somebody came to a point, and the faults that are planned there, by
 * number.
 */
interface Place {
  arrivals: number
  lastMs: number | undefined
  readonly faults: Map<number, PointFault>
}

export class World {
  readonly violations: Array<Violation> = []
  /** How many faults of the plan happened. */
  hits = 0
  /** How often each kind of fault happened while there were orders in flight. */
  readonly faults = new Map<string, number>()
  /**
   * How often each failpoint was passed, and how often a process crashed there while there were
   * orders in flight.
   */
  readonly failpoints = new Map<string, number>(failpoints.map((name) => [name, 0]))
  readonly crashes = new Map<string, number>()
  /** Every point that was passed before the faults ended, in order. */
  readonly points: Array<Point> = []
  /** Which processes nobody reaches, and who reaches nobody. */
  readonly cutOff = new Set<string>()
  /** Which processes do not know their callers. */
  readonly lockedUp = new Set<string>()
  /**
   * Which processes fail on an order, how, and on which one: the first that they meet. And all
   * orders that one failed on, refused once, or had in hand when it met a defect.
   */
  readonly breaking = new Map<string, { readonly fault: OrderFault; on?: string }>()
  readonly brokenOn = new Set<string>()
  /** The orders that there are, as the register has them; what else is on the queue is none. */
  readonly statuses = new Map<string, OrderStatus>()
  /** The orders that a participant refuses as malformed. */
  readonly poisonous = new Set<string>()
  /** Is told how a participant answers commands. */
  onAnswer: (
    participant: string,
    commands: ReadonlyArray<Command>,
    outcomes: ReadonlyArray<Outcome>,
  ) => void = () => {}
  /** The orders that their customers began to cancel. */
  readonly cancelling = new Set<string>()
  ordersInFlight = 0
  private readonly places = new Map<string, Place>()
  private readonly runs = new Map<Process, Runs>()

  readonly kernel: Kernel
  private readonly restart: (process: Process, afterMs: number) => void

  constructor(kernel: Kernel, plan: Plan, restart: World["restart"]) {
    this.kernel = kernel
    this.restart = restart
    for (const fault of plan.pointFaults) this.place(fault.point).faults.set(fault.nth, fault)
  }

  get faultsEnded(): boolean {
    return this.kernel.nowMs >= startMs + faultsEndMs
  }

  /** Somebody comes to a point; gives the fault that the plan has for it. */
  arrive(point: string): PointFault | undefined {
    const place = this.place(point)
    const nth = ++place.arrivals
    place.lastMs = this.kernel.nowMs - startMs
    if (this.faultsEnded) return undefined
    this.points.push({ point, nth })
    const fault = place.faults.get(nth)
    if (fault === undefined) return undefined
    if (!countedWhereTheyAct.has(fault.fault)) this.hit(kindOf(fault), `${point} #${nth}`)
    return fault
  }

  /**
   * When somebody came to a point last, in milliseconds from the start; nothing when nobody ever
   * did.
   */
  lastMs(point: string): number | undefined {
    return this.places.get(point)?.lastMs
  }

  private place(point: string): Place {
    let place = this.places.get(point)
    if (place === undefined) {
      place = { arrivals: 0, lastMs: undefined, faults: new Map() }
      this.places.set(point, place)
    }
    return place
  }

  /** What an orchestrator does for the orders that it has in hand. */
  runsOf(process: Process): Runs {
    let runs = this.runs.get(process)
    if (runs === undefined) {
      runs = new Runs(this, process.name)
      this.runs.set(process, runs)
    }
    return runs
  }

  /** A fault of `countedWhereTheyAct` has found something to act on. */
  acted(fault: PointFault): void {
    this.hit(kindOf(fault), `${fault.point} #${fault.nth}`)
  }

  /** A fault happens. */
  hit(kind: string, where: string): void {
    this.hits++
    this.kernel.tell(`FAULT ${kind} (${where})`)
    if (this.ordersInFlight > 0) this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
  }

  violated(invariant: string, found: string): void {
    this.kernel.note(`VIOLATION of ${invariant}: ${found}`)
    this.violations.push({ invariant, found })
  }

  check(holds: boolean, invariant: string, found: () => string): void {
    if (!holds) this.violated(invariant, found())
  }

  /** Ends a process as kill -9 does: nothing of it runs any more, and it comes again later. */
  crash(process: Process, downMs: number): void {
    if (!process.alive) return
    process.alive = false
    this.kernel.note(`${process.name} crashed`)
    for (const atEnd of process.atEnd) atEnd()
    this.restart(process, downMs)
  }

  /** What a failpoint of a process does. */
  failpoint(process: Process, name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!process.alive) return Effect.never
      this.failpoints.set(name, (this.failpoints.get(name) ?? 0) + 1)
      const fault = this.arrive(`failpoint ${name}`)
      if (fault === undefined) return Effect.void
      if (fault.fault === "stall") return this.kernel.sleep(process, fault.forMs)
      if (fault.fault === "defect") {
        for (const orderId of this.runsOf(process).orders) this.brokenOn.add(orderId)
        return Effect.die(new Error("a defect"))
      }
      if (this.ordersInFlight > 0) this.crashes.set(name, (this.crashes.get(name) ?? 0) + 1)
      this.crash(process, fault.forMs)
      return Effect.never
    })
  }

  /** Something takes a moment or none, so that what goes on at the same time comes in any order. */
  moment(process: Process, what: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!process.alive) return Effect.never
      const { kernel } = this
      const ms = kernel.takes(kernel.draw(`moment ${what}`, 12) - 9)
      // Where moments are chosen between, a trace has to tell which is which.
      const name = kernel.inNoTime ? `${process.name}: ${what}` : ""
      return ms < 0 ? Exit.void : kernel.sleep(process, ms, name)
    })
  }
}
