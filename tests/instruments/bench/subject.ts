/** What a scenario is run on: our services, the limit programs, or the embedded run. */
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
  /** On the disk that the databases are on. */
  readonly folder: string
  /** All that work for the orders; asked at the beginning and at the end of a run. */
  readonly processes: () => ReadonlyArray<Metered>
  /** Undefined where orders wait in the memory of a process. */
  readonly queue: BenchQueue | undefined
  /** Where orders are posted. */
  readonly doors: ReadonlyArray<number>
  /** A header for each customer, that says who it is. */
  readonly customers: ReadonlyArray<string>
  /** Goes around a run. */
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

/** The limit programs, while the services that share the databases stand still. */
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

/** Time for what was due meanwhile, before anything counts again. */
const afterPauseMs = 300

/** Runs it while the services, or some of them, cannot do anything. */
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
