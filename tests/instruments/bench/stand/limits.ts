/**
 * Starts the limit programs (`tests/instruments/bench/limit`): those that batch, or the loop that
 * does not.
 */
import { Effect, type Scope } from "effect"
import { freePort } from "#tests/instruments/chaos/ports.ts"
import type { Ground } from "./ground.ts"
import { type Program, type ProgramFailed, runtimeCommand, startProgram } from "./program.ts"

export interface Limits {
  readonly processes: ReadonlyArray<Program>
  /** The port at which orders are posted. */
  readonly port: number
}

type Started = Effect.Effect<Limits, ProgramFailed, Scope.Scope>

const program = (ground: Ground, name: string, environment: Record<string, string>) =>
  startProgram({
    name: `limit-${name}`,
    command: [...runtimeCommand("node"), `tests/instruments/bench/limit/${name}.ts`],
    environment: { PATH: process.env.PATH, ...environment },
    logFile: ground.logFile(`limit-${name}`),
    guard: ground.guard,
    isReady: (log) => /^ready$/m.test(log),
  })

const participantsOf = (ground: Ground, port: number, more: Record<string, string>) => {
  const { billing, items, slots } = ground.servers.databases
  return program(ground, "participants", {
    PORT: `${port}`,
    BILLING_DATABASE_URL: billing,
    ITEMS_DATABASE_URL: items,
    SLOTS_DATABASE_URL: slots,
    ...more,
  })
}

const local = (port: number) => `http://127.0.0.1:${port}`

/** Starts the programs that take orders, posted or from the stream, to the decision in batches. */
export const startBatchLimit = (ground: Ground): Started =>
  Effect.gen(function* () {
    const [participantsPort, port] = [yield* freePort, yield* freePort]
    const queue = { REDIS_URL: ground.servers.redisUrl, STREAM: "limit" }
    const participants = yield* participantsOf(ground, participantsPort, {})
    const orders = yield* program(ground, "orders", {
      PORT: `${port}`,
      ORDERS_DATABASE_URL: ground.servers.databases.orders,
      ...queue,
    })
    const worker = yield* program(ground, "worker", {
      GROUP: "orchestrators",
      PARTICIPANTS_URL: local(participantsPort),
      ORDERS_URL: local(port),
      ...queue,
    })
    return { processes: [participants, orders, worker], port }
  })

/**
 * Starts the loop: a saga in memory for each posted order, a call and a transaction for each step.
 */
export const startLoopLimit = (ground: Ground): Started =>
  Effect.gen(function* () {
    const [participantsPort, port] = [yield* freePort, yield* freePort]
    const participants = yield* participantsOf(ground, participantsPort, { UNBATCHED: "1" })
    const loop = yield* program(ground, "loop", {
      PORT: `${port}`,
      PARTICIPANTS_URL: local(participantsPort),
      ORDERS_DATABASE_URL: ground.servers.databases.orders,
    })
    return { processes: [participants, loop], port }
  })
