/**
 * The measurement, the same for every peer: a warm-up, then the measured sagas, with a constant
 * number of them in flight, and one line of JSON. Exits with 1 when anything is not as expected.
 */
import { setTimeout as wait } from "node:timers/promises"
import { count } from "./environment.ts"
import { closeOrders, type Order, readOrders, type Refusal } from "./orders.ts"
import { closeParticipants } from "./participants.ts"

/** An engine that is ready to take orders. */
export interface Engine {
  /** Runs an order's saga to its end. Resolves with why the order failed, or null. */
  readonly execute: (order: Order) => Promise<Refusal | null>
  readonly close: () => Promise<void>
}

export interface Peer {
  readonly peer: string
  /** How many sagas in flight suit the engine best. */
  readonly inFlight: number
  readonly start: () => Promise<Engine>
}

// Engines retry for ever. When no saga ends for this long, the measurement has failed.
const standstillMs = 60_000
// An engine at a standstill may not close either. What it has started ends with this process.
const closeWithinMs = 20_000

/** Measures the engine, prints the result and ends the process. */
export const measure = async ({ peer, inFlight, start }: Peer): Promise<never> => {
  let engine: Engine | undefined
  try {
    const warmup = count("WARMUP", 500)
    const lanes = count("IN_FLIGHT", inFlight)
    const orders = await readOrders()
    const sagas = orders.length - warmup
    if (sagas <= 0) {
      throw new Error(
        `Standard input has ${orders.length} orders, and WARMUP takes ${warmup}: see README.md`,
      )
    }
    engine = await start()
    await run(engine, orders.slice(0, warmup), lanes)
    const { seconds, latenciesMs } = await run(engine, orders.slice(warmup), lanes)
    console.log(JSON.stringify({
      peer,
      sagas,
      seconds: rounded(seconds),
      rate: rounded(sagas / seconds),
      p50Ms: rounded(quantile(latenciesMs, 0.5)),
      p99Ms: rounded(quantile(latenciesMs, 0.99)),
    }))
    process.exitCode = 0
  } catch (error) {
    console.error(error)
    process.exitCode = 1
  }
  await Promise.race([close(engine), wait(closeWithinMs)])
  process.exit()
}

const close = async (engine: Engine | undefined): Promise<void> => {
  await engine?.close().catch(console.error)
  await Promise.all([closeOrders(), closeParticipants()])
}

/** Runs the sagas, as many at a time as there are lanes. Rejects at the first wrong outcome. */
const run = async (engine: Engine, orders: ReadonlyArray<Order>, lanes: number) => {
  const latenciesMs: Array<number> = []
  const waiting = orders.values()
  const startMs = performance.now()
  const lane = async () => {
    for (const order of waiting) {
      const sinceMs = performance.now()
      const refusal = await engine.execute(order)
      latenciesMs.push(performance.now() - sinceMs)
      if (refusal !== order.refusal) {
        throw new Error(`${JSON.stringify(order)} ended with ${refusal}`)
      }
    }
  }
  const watch = standstill(() => latenciesMs.length)
  try {
    await Promise.race([watch.promise, Promise.all(Array.from({ length: lanes }, lane))])
  } finally {
    watch.stop()
  }
  return { seconds: (performance.now() - startMs) / 1000, latenciesMs }
}

/** A promise that rejects when the number stays the same for too long. */
const standstill = (progress: () => number) => {
  const { promise, reject } = Promise.withResolvers<never>()
  let seen = -1
  const timer = setInterval(() => {
    if (progress() === seen) reject(new Error(`No saga ended for ${standstillMs / 1000} s`))
    seen = progress()
  }, standstillMs)
  return { promise, stop: () => clearInterval(timer) }
}

const quantile = (numbers: ReadonlyArray<number>, share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil(share * numbers.length) - 1]!

const rounded = (number: number): number => Math.round(number * 100) / 100
