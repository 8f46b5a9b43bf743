/**
 * The processes of a simulated world: they start, are told to stop, crash and restart. The
 * databases and the queue outlive them.
 */
import { Clock, Context, Effect, Exit, Layer, Random, References, Scheduler, Scope } from "effect"
import { RunningSagas } from "#services/orchestrator/running-sagas.ts"
import { Failpoint } from "#shared/failpoint.ts"
import { Fetch } from "#shared/http/client.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import type { Store } from "#shared/postgres/store.ts"
import { Unavailable } from "#shared/transient.ts"
import { EarlierVersion } from "./earlier-version.ts"
import { edgeOf } from "./edge.ts"
import { type Kernel, newProcess, type Process } from "./kernel.ts"
import { MachineClocks } from "./machine-clocks.ts"
import { Network } from "./network.ts"
import { openingsOf } from "./openings.ts"
import { retryNow } from "./operations.ts"
import {
  calleeFaults,
  databases,
  type Plan,
  processesOf,
  replicas,
  type ServiceName,
  type TimedFault,
} from "./plan.ts"
import { SimulatedQueue } from "./queue.ts"
import {
  orchestratorLayers,
  ordersLayers,
  participantLayers,
  participants,
  type Serve,
  serveOrders,
  serveParticipant,
} from "./services.ts"
import {
  connect,
  endOwner,
  makeDatabase,
  restart,
  type SimulatedDatabase,
} from "./tables/database.ts"
import { orderTable } from "./tables/order-table.ts"
import { addResource, reservationTables } from "./tables/reservation-tables.ts"
import { World } from "./world.ts"

type DatabaseName = typeof databases[number]

interface Running {
  readonly process: Process
  readonly scope: Scope.Closeable
  readonly fork: ReturnType<typeof Effect.runForkWith<never>>
}

const stopGraceMs = 10_000

export class System {
  readonly databases = Object.fromEntries(
    databases.map((name) => [name, makeDatabase()]),
  ) as Record<DatabaseName, SimulatedDatabase>
  readonly world: World
  readonly network: Network
  readonly queue: SimulatedQueue
  private readonly earlier: EarlierVersion
  /** The amount of each resource before the first order. */
  readonly openings: ReturnType<typeof openingsOf>
  private readonly running = new Map<string, Running>()
  /** The sagas in flight of the latest run of each orchestrator. */
  private readonly sagas = new Map<string, RunningSagas["Service"]>()
  private readonly databaseAwayUntilMs = new Map<DatabaseName, number>()
  private starts = 0

  readonly kernel: Kernel
  private readonly plan: Plan
  private readonly clocks: MachineClocks

  constructor(kernel: Kernel, plan: Plan) {
    this.kernel = kernel
    this.plan = plan
    this.clocks = new MachineClocks(kernel, (name) => this.running.get(name)?.process)
    this.world = new World(kernel, plan, ({ name }, afterMs) => this.startLater(name, afterMs))
    this.network = new Network(this.world)
    this.queue = new SimulatedQueue(this.world)
    this.earlier = new EarlierVersion(plan)
    this.openings = openingsOf(plan)
    for (const name of participants) {
      for (const [resource, balance] of this.openings[name]) {
        addResource(this.databases[name], resource, balance)
      }
    }
  }

  /** Starts all processes and schedules the timed faults. */
  start(): void {
    for (const name of processesOf(this.plan.replicas ?? replicas)) {
      const laterMs = name.startsWith("orchestrator") ? this.plan.orchestratorsAtMs : 0
      laterMs ? this.startLater(name, laterMs) : this.begin(name)
    }
    for (const fault of this.plan.timedFaults) {
      this.kernel.after(fault.atMs, "", undefined, () => this.timed(fault))
    }
  }

  /** A process outside the system, such as a customer's. */
  outsider(name: string): { readonly process: Process; readonly fork: Running["fork"] } {
    const process = newProcess(name, name)
    return { process, fork: Effect.runForkWith(this.contextOf(process)) }
  }

  private startLater(name: string, ms: number): void {
    this.kernel.after(ms, "", undefined, () => this.begin(name))
  }

  private begin(name: string): void {
    const service = name.split("-")[0] as ServiceName
    const process = newProcess(service, name)
    process.skewMs = this.clocks.skewMsOn(name)
    this.kernel.note(`${name} starts`)
    const scope = Scope.makeUnsafe()
    const fork = Effect.runForkWith(this.contextOf(process))
    const running = { process, scope, fork }
    this.running.set(name, running)
    fork(Scope.provide(this.serverOf(service, process), scope)).addObserver((exit) => {
      if (!process.alive) return
      if (Exit.isFailure(exit)) return this.world.crash(process, 1_000)
      const servers = this.network.servers.get(service) ?? []
      servers.push({ process, serve: edgeOf(this.world, process, exit.value), fork })
      this.network.servers.set(service, servers)
    })
    process.atEnd.add(() => this.network.withdraw(process))
  }

  /** Ends a process like SIGTERM: closes its scope, and kills it if that takes too long. */
  private tellToStop({ process, scope, fork }: Running, downMs: number): void {
    if (!process.alive) return
    const { kernel, world, network } = this
    kernel.note(`${process.name} is told to stop`)
    network.withdraw(process)
    const crash = () => world.crash(process, downMs)
    const kill = kernel.after(stopGraceMs, "", undefined, crash)
    fork(Scope.close(scope, Exit.void)).addObserver(() => {
      kill()
      crash()
    })
  }

  private timed({ fault, process: name, forMs }: TimedFault): void {
    const { world, kernel } = this
    const running = this.running.get(name)
    if (running?.process.alive !== true || world.faultsEnded) return
    const { process } = running
    // A callee's fault counts where a caller meets it.
    if (calleeFaults.every((other) => other !== fault)) world.hit(`process: ${fault}`, name)
    switch (fault) {
      case "crash":
        return world.crash(process, forMs)
      case "told to stop":
        return this.tellToStop(running, forMs)
      case "stopped":
        process.stoppedUntilMs = kernel.nowMs + forMs
        return
      case "partition":
        world.cutOff.add(name)
        kernel.after(forMs, "", undefined, () => world.cutOff.delete(name))
        return
      case "unknown order":
        return this.queue.addUnknownOrder()
      case "clock jump":
        return this.clocks.jump(process, forMs)
      case "clock apart":
        return this.clocks.setApart(process, forMs)
      case "retry now":
        return retryNow(kernel, (retry) => {
          const running = this.running.get(name)
          const sagas = this.sagas.get(name)
          if (running?.process.alive === true && sagas !== undefined) running.fork(retry(sagas))
        })
      case "redrive":
        return void this.queue.redrive()
      case "published again":
        return this.queue.publishAgain()
      case "refuses its callers":
        world.lockedUp.add(name)
        kernel.after(forMs, "", undefined, () => world.lockedUp.delete(name))
        return
      default:
        world.breaking.set(name, { fault })
        kernel.after(forMs, "", undefined, () => world.breaking.delete(name))
    }
  }

  private serverOf(
    service: ServiceName,
    process: Process,
  ): Effect.Effect<Serve, unknown, Scope.Scope> {
    const { queue, kernel } = this
    switch (service) {
      case "orchestrator":
        return Effect.map(
          Layer.build(orchestratorLayers(queue.clientOf(process), this.plan)),
          (context) => {
            const sagas = Context.get(context, RunningSagas)
            this.sagas.set(process.name, sagas)
            this.world.runsOf(process).inFlight = sagas.inFlight
            return () => Effect.never
          },
        )
      case "orders": {
        const bytes = (size: number) =>
          Uint8Array.from({ length: size }, () => kernel.draw(`bytes ${process.name}`, 256))
        const { earlier } = this
        const store = this.storeOf("orders", process, (on) => earlier.table(orderTable(on)))
        const orderQueue = earlier.queue(queue.clientOf(process))
        const layers = ordersLayers(store, orderQueue, bytes, this.plan)
        return Effect.map(Layer.build(layers), serveOrders)
      }
      default:
        return Effect.map(
          Layer.build(
            participantLayers(this.storeOf(service, process, reservationTables)),
          ),
          serveParticipant,
        )
    }
  }

  /** The tables of one process, with the planned faults of its commits. */
  private storeOf<T>(
    name: DatabaseName,
    process: Process,
    tablesOf: Parameters<typeof connect<T>>[1],
  ): Store<T> {
    const { world, kernel } = this
    const database = this.databases[name]
    const owner = `${process.name}@${++this.starts}`
    process.atEnd.add(() => endOwner(database, owner))
    const away = () => (this.databaseAwayUntilMs.get(name) ?? 0) > kernel.nowMs
    return connect(database, tablesOf, {
      owner,
      statement: (statement) => world.moment(process, `${name} ${statement}`),
      begin: Effect.suspend(() => {
        if (!process.alive) return Effect.never
        return away() ? Effect.fail(new Unavailable({ message: `${name} is away` })) : Exit.void
      }),
      commit: Effect.suspend(() => {
        if (!process.alive) return Effect.never
        const fault = world.arrive(`commit ${name}`)
        switch (fault?.fault) {
          case undefined:
            return Exit.succeed("applied" as const)
          case "refused":
            return Exit.succeed("refused" as const)
          case "answer lost":
            return Exit.succeed("lost answer" as const)
          case "process crashes":
            world.crash(process, fault!.forMs)
            return Effect.never
          default:
            this.databaseAwayUntilMs.set(name, kernel.nowMs + fault!.forMs)
            restart(database)
            return Exit.succeed("refused" as const)
        }
      }),
    })
  }

  private contextOf(process: Process): Context.Context<never> {
    const { kernel, network, world } = this
    const draw = () => kernel.draw(`random ${process.name}`, 2 ** 31) / 2 ** 31
    return Context.empty().pipe(
      Context.add(Scheduler.Scheduler, kernel.scheduler),
      Context.add(Clock.Clock, kernel.clockOf(process)),
      Context.add(Random.Random, {
        nextDoubleUnsafe: draw,
        nextIntUnsafe: () => Math.floor((draw() - 0.5) * Number.MAX_SAFE_INTEGER),
      }),
      Context.add(References.MinimumLogLevel, "None"),
      Context.add(References.TracerEnabled, false),
      Context.add(PeerClocks, makePeerClocks()),
      Context.add(Failpoint, (name) => world.failpoint(process, name)),
      Context.add(
        Fetch,
        network.fetchOf(process, ({ hostname }) => ({
          service: hostname as ServiceName,
          point: hostname,
        })),
      ),
    ) as Context.Context<never>
  }
}
