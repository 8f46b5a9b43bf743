/** What a scenario measures: our services, the limit programs, or the embedded run. */
import { Effect } from "effect"
import { setTimeout as wait } from "node:timers/promises"
import type { Metered } from "./meter/meter.ts"
import type { Databases } from "./stand/databases.ts"
import type { Ground } from "./stand/ground.ts"
import type { Limits } from "./stand/limits.ts"
import type { Services } from "./stand/services.ts"
import type { BenchQueue } from "./work/queue.ts"
import { accountName, accounts } from "./work/workload.ts"

export interface Subject {
  readonly databases: Databases
  /** A folder on the disk of the databases. */
  readonly folder: string
  /** All processes that work for the orders; called at the start and at the end of a run. */
  readonly processes: () => ReadonlyArray<Metered>
  /** Undefined if orders wait in a process's memory. */
  readonly queue: BenchQueue | undefined
  /** The ports at which orders are posted. */
  readonly doors: ReadonlyArray<number>
  /** A header for each customer that identifies it. */
  readonly customers: ReadonlyArray<string>
  /** Wraps a run: pauses what must not work meanwhile. */
  readonly alone: <A, E, R>(run: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const bearer = (token: string): string => `authorization: Bearer ${token}`

export const servicesSubject = (
  { databases, folder, processes, queues }: Ground,
  services: Services,
  tokens: ReadonlyArray<string>,
): Subject => ({
  databases,
  folder,
  processes: () => [...services.processes(), ...processes],
  queue: queues.orders,
  doors: services.portsOf("orders"),
  customers: tokens.map(bearer),
  alone: (run) => run,
})

/** The limit programs. The services, which share the databases, are paused during a run. */
export const limitSubject = (
  { databases, folder, processes, queues }: Ground,
  limits: Limits,
  services: Services,
): Subject => ({
  databases,
  folder,
  processes: () => [...limits.processes, ...processes],
  queue: queues.limit,
  doors: [limits.port],
  customers: Array.from({ length: accounts }, (_, n) => `x-username: ${accountName(n)}`),
  alone: whilePaused(services),
})

/** Time for work that became due in the pause, before the next measurement. */
const afterPauseMs = 300

/** Pauses the services, or some of them, during the run. */
export const whilePaused =
  (services: Services, which = (_name: string) => true): Subject["alone"] => (run) => {
    const signal = (name: NodeJS.Signals) =>
      services.processes().filter((one) => which(one.name)).forEach(({ pid }) =>
        process.kill(pid, name)
      )
    return Effect.acquireUseRelease(
      Effect.sync(() => signal("SIGSTOP")),
      () => run,
      () =>
        Effect.promise(() => {
          signal("SIGCONT")
          return wait(afterPauseMs)
        }),
    )
  }
