/**
 * A load, as the command line and the page place it: what its orders ask for, how many customers it takes, and what it has
 * come to so far: how its orders ended and how long that took, altogether and since the last look.
 */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderView } from "#shared/contracts/order.ts"

/** By its number: of ten, seven can be fulfilled, and one each is refused at the money, the item and the slot. */
export const wishOf = (n: number) => ({
  amount: n % 10 === 1 ? 1_000_000 : 0.01,
  item: n % 10 === 4 ? 2_000_000_000 : 1 + n % 10,
  slot: n % 10 === 7 ? "23:59" : `0${n % 10}:00`,
})

/** A wallet holds 100.00 at first, and an order of a load costs 0.01: with a reserve for what is undone later. */
export const ordersOfCustomer = 8_000
/** A customer may place 10 in a second where nothing else is set (ORDERS_PER_SECOND). */
const perSecondOfCustomer = 5
/** As many may sign up from one address at once, with some room for others. */
export const mostCustomers = 200

/** How many customers so many orders need, at so many a second. */
export const customersFor = (orders: number, perSecond: number): number =>
  Math.min(
    mostCustomers,
    Math.max(4, Math.ceil(orders / ordersOfCustomer), Math.ceil(perSecond / perSecondOfCustomer)),
  )

export const mostPerSecond = mostCustomers * perSecondOfCustomer

type Step = (typeof orderSaga)[number]["step"]

/** How an order of a load may end as it is meant to, as its customer sees it. */
export const meantEnds = [
  "completed",
  ...orderSaga.map(({ step }): `no ${Step}` => `no ${step}`),
] as const
/** The same, and then those that nobody wants. */
export const ends = [...meantEnds, "failed otherwise", "no answer"] as const
export type End = (typeof ends)[number]

const refusals = new Map<string, End>(
  orderSaga.map(({ step, refusal }) => [refusal, `no ${step}`]),
)

/** How an order ended that is final. */
export const endOf = ({ status, reason }: OrderView): End =>
  status === "completed" ? "completed" : refusals.get(reason ?? "") ?? "failed otherwise"

export const isFinal = ({ status }: OrderView): boolean =>
  status === "completed" || status === "failed"

/** What is asked that had no answer or none yet: asking again may mend it. 0, or no status, is no answer. */
export const isPassing = ({ status = 0 }: { readonly status?: number | undefined }): boolean =>
  status === 0 || status === 429 || status >= 500

/** So long it is asked again, with the same key, since what is not answered may have happened. */
export const againForMinutes = 2

export interface Sums {
  readonly placed: number
  readonly inFlight: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly ends: Readonly<Record<End, number>>
  /** Why orders had no answer, or ended otherwise than four ways; the first of them. */
  readonly firstTrouble: string | null
}

/** The most latencies that are kept: beyond that, one of so many, as they come. */
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

  /** `trouble` says why, where it is none of those that are meant. */
  end(end: End, latencyMs: number, trouble?: string): void {
    this.#ends[end]++
    // Each of so many that came has the same chance to be among those that are kept.
    const place = this.#ended < mostKept ? this.#ended : Math.floor(Math.random() * this.#ended)
    if (place < mostKept) this.#latenciesMs[place] = latencyMs
    this.#recentMs.push(latencyMs)
    this.#ended++
    this.#firstTrouble ??= trouble ?? null
  }

  get inFlight(): number {
    return this.#placed - this.#ended
  }

  /** From the beginning. */
  sums(): Sums {
    const seconds = (performance.now() - this.#startedAtMs) / 1000
    return this.#over(seconds, this.#ended / seconds, this.#latenciesMs)
  }

  /** The same, but rate and latency are of what ended since this was called last. */
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
