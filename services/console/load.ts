/**
 * A load, as the command line and the page place it: what its orders ask for, how many customers it
 * needs, how its orders ended, and their latency in total and since the last sample.
 */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderView } from "#shared/contracts/order-state.ts"

/**
 * What order number `n` asks for. Of ten, seven can be completed; one each is refused for its
 * money, item and slot.
 */
export const wishOf = (n: number) => ({
  amount: n % 10 === 1 ? 1_000_000 : 0.01,
  item: n % 10 === 4 ? 2_000_000_000 : 1 + n % 10,
  slot: n % 10 === 7 ? "23:59" : `0${n % 10}:00`,
})

/**
 * A new wallet holds 100.00 and an order of a load costs 0.01. The rest is a margin for refunds
 * that come later.
 */
export const ordersOfCustomer = 8_000
/** Half of what a customer may place by default (ORDERS_PER_SECOND, 10). */
const perSecondOfCustomer = 5
/** As many can sign up from one address at once, with a margin for others. */
export const mostCustomers = 200

/** How many customers a load needs. */
export const customersFor = (orders: number, perSecond: number): number =>
  Math.min(
    mostCustomers,
    Math.max(4, Math.ceil(orders / ordersOfCustomer), Math.ceil(perSecond / perSecondOfCustomer)),
  )

export const mostPerSecond = mostCustomers * perSecondOfCustomer

type Step = (typeof orderSaga)[number]["step"]

/** The intended ends of an order of a load, as its customer sees them. */
export const meantEnds = [
  "completed",
  ...orderSaga.map(({ step }): `no ${Step}` => `no ${step}`),
] as const
/** The intended ends, then the unintended. */
export const ends = [...meantEnds, "failed otherwise", "no answer"] as const
export type End = (typeof ends)[number]

const refusals = new Map<string, End>(
  orderSaga.map(({ step, refusal }) => [refusal, `no ${step}`]),
)

/** The end of a final order. */
export const endOf = ({ status, reason }: OrderView): End =>
  status === "completed" ? "completed" : refusals.get(reason ?? "") ?? "failed otherwise"

export const isFinal = ({ status }: OrderView): boolean =>
  status === "completed" || status === "failed"

/** Whether a retry can help. Status 0 or none means that there was no answer. */
export const isPassing = ({ status = 0 }: { readonly status?: number | undefined }): boolean =>
  status === 0 || status === 429 || status >= 500

/**
 * For how long a request is retried, with the same idempotency key, since an unanswered order may
 * have been placed.
 */
export const againForMinutes = 2

export interface Sums {
  readonly placed: number
  readonly inFlight: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly ends: Readonly<Record<End, number>>
  /** Why the first order with an unintended end got it. */
  readonly firstTrouble: string | null
}

/** The most latencies that are kept; beyond that, a random sample of this size. */
const mostKept = 100_000

const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)

export class Tally {
  readonly #startedAtMs = performance.now()
  readonly #ends = Object.fromEntries(ends.map((end) => [end, 0])) as Record<End, number>
  readonly #latenciesMs: Array<number> = []
  #recentMs: Array<number> = []
  #placed = 0
  #ended = 0
  #lookedAtMs = this.#startedAtMs
  #endedThen = 0
  #firstTrouble: string | null = null

  begin(): void {
    this.#placed++
  }

  /** `trouble` says why an end is unintended. */
  end(end: End, latencyMs: number, trouble?: string): void {
    this.#ends[end]++
    // Reservoir sampling: each latency has the same chance to be kept.
    const place = this.#ended < mostKept ? this.#ended : Math.floor(Math.random() * this.#ended)
    if (place < mostKept) this.#latenciesMs[place] = latencyMs
    this.#recentMs.push(latencyMs)
    this.#ended++
    this.#firstTrouble ??= trouble ?? null
  }

  get inFlight(): number {
    return this.#placed - this.#ended
  }

  /** Since the start. */
  sums(): Sums {
    const seconds = (performance.now() - this.#startedAtMs) / 1000
    return this.#over(seconds, this.#ended / seconds, this.#latenciesMs)
  }

  /** The same, but with the rate and the latencies since the previous call. */
  recent(): Sums {
    const nowMs = performance.now()
    const rate = (this.#ended - this.#endedThen) / ((nowMs - this.#lookedAtMs) / 1000)
    const sums = this.#over((nowMs - this.#startedAtMs) / 1000, rate, this.#recentMs)
    this.#lookedAtMs = nowMs
    this.#endedThen = this.#ended
    this.#recentMs = []
    return sums
  }

  #over(seconds: number, perSecond: number, latenciesMs: ReadonlyArray<number>): Sums {
    const sorted = latenciesMs.toSorted((a, b) => a - b)
    return {
      placed: this.#placed,
      inFlight: this.inFlight,
      seconds,
      perSecond,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      ends: { ...this.#ends },
      firstTrouble: this.#firstTrouble,
    }
  }
}
