/**
 * The network of a simulated world. A call takes a while to arrive at any live replica of the
 * callee, and so does its answer on the way back. The plan's faults happen to calls here.
 */
import { Cause, type Effect, Exit, Fiber } from "effect"
import type { Process } from "./kernel.ts"
import type { PointFault, ServiceName } from "./plan.ts"
import type { Body } from "./runs.ts"
import type { World } from "./world.ts"

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** The time by the server's clock. Only an answer of the server itself has it. */
  readonly date?: string
}

/** A process that serves. */
export interface Server {
  readonly process: Process
  /** Handles a request. Never fails. */
  readonly serve: (path: string, body: unknown, from: Process) => Effect.Effect<Answer>
  readonly fork: (effect: Effect.Effect<Answer>) => Fiber.Fiber<Answer>
}

/** How a call ends for its caller: with an answer, or with the error of the connection. */
export type CallEnd = Answer | { readonly code: "ECONNREFUSED" | "ECONNRESET" }

export class Network {
  /** The servers of each service that are up. */
  readonly servers = new Map<string, Array<Server>>()

  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  /** Sends no more requests to this process. */
  withdraw({ service, name }: Process): void {
    const servers = this.servers.get(service) ?? []
    this.servers.set(service, servers.filter(({ process }) => process.name !== name))
  }

  /** Sends a request. `told` is called at most once: not at all if nothing comes back. */
  send(
    from: Process,
    service: ServiceName,
    point: string,
    path: string,
    body: string,
    told: (end: CallEnd) => void,
  ): void {
    if (!from.alive) return
    const { world } = this
    const end = from.service === "orchestrator" ? watched(world, from, service, body, told) : told
    const fault = world.arrive(`call ${point}`)
    if (fault?.fault === "caller crashes") {
      return this.sendAndCrash(from, service, path, body, fault)
    }
    if (fault?.fault === "request lost") return
    if (fault?.fault === "400 before") {
      const { commands, decisions } = JSON.parse(body) as Body
      for (const { orderId } of commands ?? decisions ?? []) world.brokenOn.add(orderId)
    }
    if (fault !== undefined && fault.fault.endsWith("before")) {
      return this.back(from, 1, end, { status: Number(fault.fault.slice(0, 3)), body: {} })
    }
    if (fault?.fault === "duplicated") {
      for (let n = 0; n < 1 + world.kernel.draw("copies", 4); n++) {
        this.arriveLater(
          from,
          service,
          path,
          body,
          world.kernel.draw("copy", fault.forMs + 1),
          undefined,
          () => {},
        )
      }
    }
    const ms = fault?.fault === "request late" ? 5_000 + fault.forMs : this.wayMs(path)
    this.arriveLater(from, service, path, body, ms, fault, end)
  }

  private sendAndCrash(
    from: Process,
    service: ServiceName,
    path: string,
    body: string,
    fault: PointFault,
  ) {
    this.arriveLater(from, service, path, body, this.wayMs(path), undefined, () => {})
    this.world.crash(from, fault.forMs)
  }

  private wayMs(path: string): number {
    const { kernel } = this.world
    return kernel.takes(kernel.draw(`way ${path}`, 4))
  }

  private arriveLater(
    from: Process,
    service: ServiceName,
    path: string,
    body: string,
    ms: number,
    fault: PointFault | undefined,
    end: (end: CallEnd) => void,
  ): void {
    const { kernel, cutOff } = this.world
    kernel.after(ms, `${from.name} -> ${service}${path} ${body}`, undefined, () => {
      if (cutOff.has(from.name)) return
      const up = this.servers.get(service)?.filter(({ process }) => process.alive) ?? []
      const server = up[up.length > 1 ? kernel.draw(`replica of ${service}`, up.length) : 0]
      if (server === undefined) return this.back(from, 0, end, { code: "ECONNREFUSED" })
      if (cutOff.has(server.process.name)) return
      this.handle(from, server, path, body, fault, end)
    })
  }

  /** A stopped process handles the request when it continues. */
  private handle(
    from: Process,
    server: Server,
    path: string,
    body: string,
    fault: PointFault | undefined,
    end: (end: CallEnd) => void,
  ): void {
    const { world } = this
    const { process } = server
    if (!process.alive) return this.back(from, 0, end, { code: "ECONNRESET" })
    const waitMs = process.stoppedUntilMs - world.kernel.nowMs
    if (waitMs > 0) {
      world.kernel.after(
        waitMs,
        "",
        undefined,
        () => this.handle(from, server, path, body, fault, end),
      )
      return
    }
    const broken = () => this.back(from, 1, end, { code: "ECONNRESET" })
    process.atEnd.add(broken)
    const fiber = server.fork(server.serve(path, JSON.parse(body), from))
    fiber.addObserver((exit) => {
      if (!process.alive) return
      process.atEnd.delete(broken)
      if (fault?.fault === "callee crashes") {
        process.atEnd.add(broken)
        world.acted(fault)
        return world.crash(process, fault.forMs)
      }
      this.answer(from, process, exit, path, fault, end)
    })
  }

  private answer(
    from: Process,
    by: Process,
    exit: Exit.Exit<Answer>,
    path: string,
    fault: PointFault | undefined,
    end: (end: CallEnd) => void,
  ): void {
    const answer = Exit.isSuccess(exit) ? exit.value : { status: 500, body: {} }
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      this.world.kernel.note(`${by.name} met a defect: ${Cause.squash(exit.cause)}`)
    }
    const what = fault?.fault
    if (what === "answer lost" || this.world.cutOff.has(by.name)) return
    if (what === "connection cut") return this.back(from, 1, end, { code: "ECONNRESET" })
    const ms = what === "answer late" ? fault!.forMs : this.wayMs(`back ${path}`)
    if (what?.endsWith("after")) {
      return this.back(from, ms, end, { status: Number(what.slice(0, 3)), body: {} })
    }
    const date = new Date(this.world.kernel.nowMs + by.skewMs).toUTCString()
    this.back(from, ms, end, { ...answer, date })
  }

  private back(from: Process, ms: number, end: (end: CallEnd) => void, result: CallEnd): void {
    const said = "code" in result ? result.code : `${result.status} ${JSON.stringify(result.body)}`
    this.world.kernel.after(ms, `${from.name} <- ${said}`, from, () => {
      if (!this.world.cutOff.has(from.name)) end(result)
    })
  }

  /** The `fetch` of a process in this world. */
  fetchOf(from: Process, pointOf: (url: URL) => { service: ServiceName; point: string }) {
    return (url: string, init: RequestInit): Promise<Response> =>
      new Promise((resolve, reject) => {
        const address = new URL(url)
        const { service, point } = pointOf(address)
        this.send(from, service, point, address.pathname, init.body as string, (end) => {
          this.world.kernel.promiseSettled = true
          if ("code" in end) {
            return reject(new TypeError("fetch failed", { cause: { code: end.code } }))
          }
          // Only what a caller uses of a Response: the platform's streams take an unknown number of
          // turns.
          const text = () => Promise.resolve(JSON.stringify(end.body))
          const headers = { get: () => end.date ?? null }
          resolve({ status: end.status, headers, text } as unknown as Response)
        })
      })
  }
}

/** Tells what an orchestrator sends, and how the call ends, to the checks of its run. */
const watched = (
  world: World,
  from: Process,
  service: ServiceName,
  body: string,
  told: (end: CallEnd) => void,
): (end: CallEnd) => void => {
  const ended = world.runsOf(from).sends(service, JSON.parse(body))
  return (result) => {
    ended(result)
    told(result)
  }
}
