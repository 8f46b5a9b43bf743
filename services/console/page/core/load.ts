/**
 * A load that the page places over the public API, as new customers. It continues on other pages of
 * the console, ends by itself, and follows each of its orders until that is final.
 */
import { effect, signal } from "@preact/signals"
import type { OrderView } from "#shared/contracts/order-state.ts"
import {
  againForMinutes,
  customersFor,
  endOf,
  isFinal,
  isPassing,
  type Sums,
  Tally,
  wishOf,
} from "../../load.ts"
import { newKey } from "./api.ts"
import { type Customer, newCustomer } from "./customers.ts"
import { asProblem, type Problem } from "./problem.ts"
import { session } from "./session.ts"

/** Beyond this the browser is the limit, not the system. The command line places more. */
export const mostPerSecond = 50
/** After this time the load ends by itself. */
export const mostMinutes = 5

export interface Look {
  readonly atMs: number
  readonly placedPerSecond: number
  readonly endedPerSecond: number
  readonly inFlight: number
}

export interface Load {
  /** "stopped" places no more orders, and follows the placed ones. */
  readonly state: "signing up" | "placing" | "stopped"
  readonly rate: number
  readonly sums: Sums
  /** One sample per second, newest last. */
  readonly looks: ReadonlyArray<Look>
  /** Why orders are currently not accepted as fast as they are placed; null while they are. */
  readonly heldBack: Problem | null
}

/** Null before the first load. */
export const load = signal<Load | null>(null)

/** Customers are kept for the next load. */
const customers: Array<Customer> = []
const lookEveryMs = 1_000
/** Samples for the whole time of a load. */
const keptLooks = mostMinutes * 60
/** With more unaccepted orders than this, further ones would only wait. */
const mostWaiting = 50
/** The most older orders that are polled one by one, for each customer and round. */
const mostSingly = 10

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A running load, until all of its orders are final or it is dropped. */
class Running {
  readonly #tally = new Tally()
  readonly #rate: number
  /** For each customer, the orders that are not final, by id. */
  readonly #open = new Map<Customer, Map<string, OrderView>>()
  #looks: ReadonlyArray<Look> = []
  #lookedAtMs = performance.now()
  #placedThen = 0
  #taking = 0
  #heldBack: Problem | null = null
  isPlacing = true
  isWanted = true

  constructor(rate: number) {
    this.#rate = rate
    this.#show("signing up")
  }

  #show(state: Load["state"] = this.isPlacing ? "placing" : "stopped") {
    if (!this.isWanted) return
    load.value = {
      state,
      rate: this.#rate,
      sums: this.#tally.sums(),
      looks: this.#looks,
      heldBack: this.#heldBack,
    }
  }

  async signUp() {
    const count = customersFor(this.#rate * mostMinutes * 60, this.#rate)
    while (customers.length < count && this.isPlacing) customers.push(await newCustomer())
  }

  async run() {
    this.#look()
    const looking = setInterval(() => this.#look(), lookEveryMs)
    try {
      await Promise.all([this.#place(), ...customers.map((customer) => this.#follow(customer))])
      // The next samples show the last orders.
      await wait(2 * lookEveryMs)
    } finally {
      clearInterval(looking)
    }
  }

  #look() {
    const nowMs = performance.now()
    const { perSecond, placed, inFlight } = this.#tally.recent()
    this.#looks = [...this.#looks, {
      atMs: Date.now(),
      placedPerSecond: (placed - this.#placedThen) / ((nowMs - this.#lookedAtMs) / 1_000),
      endedPerSecond: perSecond,
      inFlight,
    }].slice(-keptLooks)
    this.#placedThen = placed
    this.#lookedAtMs = nowMs
    this.#show()
  }

  /** Starts each order when it is due, whether earlier ones have ended or not. */
  async #place() {
    const startedAtMs = performance.now()
    const endsAtMs = startedAtMs + mostMinutes * 60_000
    for (let n = 0; this.isPlacing && performance.now() < endsAtMs; n++) {
      const earlyMs = startedAtMs + n / this.#rate * 1000 - performance.now()
      if (earlyMs > 1) await wait(earlyMs)
      while (this.#taking >= mostWaiting && this.isPlacing) await wait(50)
      if (this.isPlacing) void this.#placeOne(customers[n % customers.length]!, n)
    }
    this.isPlacing = false
  }

  /**
   * Retries with the same idempotency key until the order is accepted, since an unanswered order
   * may have been placed.
   */
  async #placeOne(customer: Customer, n: number) {
    const startedAtMs = performance.now()
    const headers = { "idempotency-key": newKey() }
    this.#tally.begin()
    this.#taking++
    while (this.isWanted) {
      try {
        const order = await customer.ask<OrderView>("/api/orders/", { body: wishOf(n), headers })
        this.#heldBack = null
        this.#of(customer).set(order.id, order)
        break
      } catch (error) {
        const problem = asProblem(error)
        const tookMs = performance.now() - startedAtMs
        const mayPass = isPassing(problem) || problem.status === 401
        if (!mayPass || tookMs > againForMinutes * 60_000) {
          this.#tally.end("no answer", tookMs, problem.message)
          break
        }
        this.#heldBack = problem
        await wait(1_000)
      }
    }
    this.#taking--
  }

  #of(customer: Customer) {
    const open = this.#open.get(customer) ?? new Map<string, OrderView>()
    this.#open.set(customer, open)
    return open
  }

  /** Polls the newest orders of a customer in one request, and some older open ones one by one. */
  async #follow(customer: Customer) {
    const open = this.#of(customer)
    while (this.isWanted && (this.isPlacing || this.#taking > 0 || open.size > 0)) {
      await wait(lookEveryMs)
      if (open.size === 0) continue
      try {
        const limit = Math.min(1_000, 20 + 2 * open.size)
        const newest = await customer.ask<ReadonlyArray<OrderView>>(`/api/orders/?limit=${limit}`)
        for (const order of newest) if (open.has(order.id) && isFinal(order)) this.#end(open, order)
        const seen = new Set<string>(newest.map(({ id }) => id))
        for (const id of [...open.keys()].filter((id) => !seen.has(id)).slice(0, mostSingly)) {
          const order = await customer.ask<OrderView>(`/api/orders/${id}`)
          if (isFinal(order)) this.#end(open, order)
        }
      } catch {
        // The next round asks for the same orders again.
      }
    }
  }

  #end(open: Map<string, OrderView>, order: OrderView) {
    open.delete(order.id)
    const end = endOf(order)
    const decidedMs = Date.parse(order.decidedAt ?? "") - Date.parse(order.createdAt)
    this.#tally.end(end, decidedMs, end === "failed otherwise" ? order.reason! : undefined)
  }
}

let running: Running | undefined

/**
 * Replaces the load by one of `rate` orders per second. Fails with a Problem when customers cannot
 * sign up.
 */
export const startLoad = async (rate: number): Promise<void> => {
  dropLoad()
  const mine = running = new Running(rate)
  try {
    await mine.signUp()
  } catch (error) {
    if (running === mine) dropLoad()
    throw error
  }
  if (mine.isWanted) void mine.run()
}

/** Stops placing orders. */
export const stopLoad = (): void => {
  if (running) running.isPlacing = false
}

const dropLoad = () => {
  if (running) running.isPlacing = running.isWanted = false
  running = undefined
  load.value = null
}

// The load ends with the operator's session.
effect(() => {
  if (!session.value?.operator) dropLoad()
})
