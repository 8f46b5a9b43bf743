/**
 * What the parts of a simulated world share: the kernel, the faults of the plan, the way in which
 * processes end, what the invariants look at, and the violations.
 */
import { Effect, Exit } from "effect"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { failpoints } from "#shared/failpoint.ts"
import { type Kernel, type Process, startMs } from "./kernel.ts"
import { Runs } from "./runs.ts"
import { faultsEndMs, type OrderFault, type Plan, type Point, type PointFault } from "./plan.ts"

export interface Violation {
  /** The invariant, I1 to I13. */
  readonly invariant: string
  readonly found: string
}

/** Faults that may find nothing to act on: they count only when they do. */
const countedWhereTheyAct: ReadonlySet<string> = new Set([
  "callee crashes",
  "doubled",
  "entry stolen",
  "wiped",
])

const kindOf = ({ point, fault }: PointFault) => `${point.split(" ", 1)[0]}: ${fault}`

/** How often and when last a place was passed, and the faults that are planned there. */
interface Place {
  arrivals: number
  lastMs: number | undefined
  readonly faults: Map<number, PointFault>
}

export class World {
  readonly violations: Array<Violation> = []
  /** How many faults happened. */
  hits = 0
  /** How often each kind of fault happened while there were orders in flight. */
  readonly faults = new Map<string, number>()
  /** How often each failpoint was passed. */
  readonly failpoints = new Map<string, number>(failpoints.map((name) => [name, 0]))
  /** How often a process crashed at each failpoint while there were orders in flight. */
  readonly crashes = new Map<string, number>()
  /** All points that were passed before the faults ended, in order. */
  readonly points: Array<Point> = []
  /** The processes that are cut off from the network. */
  readonly cutOff = new Set<string>()
  /** The processes that refuse their callers. */
  readonly lockedUp = new Set<string>()
  /** The processes that fail on one order: how, and on which order. */
  readonly breaking = new Map<string, { readonly fault: OrderFault; on?: string }>()
  /** The orders that a process failed on, refused, or had in hand when it met a defect. */
  readonly brokenOn = new Set<string>()
  /** The status of each order. An entry of the queue that is not here is not an order. */
  readonly statuses = new Map<string, OrderStatus>()
  /** The orders that a participant refuses as malformed. */
  readonly poisonous = new Set<string>()
  /** Called when a participant answers commands. */
  onAnswer: (
    participant: string,
    commands: ReadonlyArray<Command>,
    outcomes: ReadonlyArray<Outcome>,
  ) => void = () => {}
  /** The orders whose cancel was requested. */
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

  /** A process passes a point. Returns the fault that the plan has for it. */
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

  /** When a place was last passed, in milliseconds from the start, if it ever was. */
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

  /** A fault of `countedWhereTheyAct` found something to act on. */
  acted(fault: PointFault): void {
    this.hit(kindOf(fault), `${fault.point} #${fault.nth}`)
  }

  /** Counts a fault that happens. */
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

  /** Ends a process at once, like kill -9, and restarts it later. */
  crash(process: Process, downMs: number): void {
    if (!process.alive) return
    process.alive = false
    this.kernel.note(`${process.name} crashed`)
    for (const atEnd of process.atEnd) atEnd()
    this.restart(process, downMs)
  }

  /** What happens to a process that passes a failpoint. */
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

  /** Takes a moment or no time, so that concurrent actions happen in any order. */
  moment(process: Process, what: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!process.alive) return Effect.never
      const { kernel } = this
      const ms = kernel.takes(kernel.draw(`moment ${what}`, 12) - 9)
      // Only where a choice is made between moments does a trace need their names.
      const name = kernel.inNoTime ? `${process.name}: ${what}` : ""
      return ms < 0 ? Exit.void : kernel.sleep(process, ms, name)
    })
  }
}
