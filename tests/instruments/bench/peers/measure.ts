/**
 * The measurement that every peer's program ends in: pending orders in, a warm-up, then the counted
 * sagas, so many in flight all the time, and one line of JSON. It exits with 1 when anything is not
 * as expected.
 */
import { setTimeout as wait } from "node:timers/promises"
import { count } from "./environment.ts"
import { closeOrders, insertPending, type Order, type Refusal } from "./orders.ts"
import { closeParticipants } from "./participants.ts"

/** An engine that is ready to take orders. */
export interface Engine {
  /** Runs the saga of an order; resolves, when it has ended, with why the order failed, or null. */
  readonly execute: (order: Order) => Promise<Refusal | null>
  readonly close: () => Promise<void>
}

export interface Peer {
  readonly peer: string
  /** How many sagas in flight suit the engine best. */
  readonly inFlight: number
  readonly start: () => Promise<Engine>
}

// Engines retry for ever; a measurement that stands still for so long is over.
const standstillMs = 60_000
// An engine that stood still may not close either; what it has started ends with this process.
const closeWithinMs = 20_000

/** Measures the engine, prints the result and ends the process. */
export const measure = async ({ peer, inFlight, start }: Peer): Promise<never> => {
  const warmup = count("WARMUP", 500)
  const sagas = count("ORDERS", 2000)
  const lanes = count("IN_FLIGHT", inFlight)
  let engine: Engine | undefined
  try {
    const orders = await insertPending(warmup + sagas)
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

/** Runs the sagas, as many at a time as there are lanes; ends at the first one that goes wrong. */
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
