/**
 * The join of four streams of records that are sorted by order: a page of orders, newest first,
 * with the participants' records of the same range. When a participant has more of them than fit in
 * a page, the round ends earlier.
 */
import { Effect, Option, Stream } from "effect"
import { type AuditedOrder, maxPage, type Recorded } from "#shared/contracts/audit.ts"
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderRecords } from "./finding.ts"
import { highest, justBelow } from "./order-range.ts"
import type { Records, Unreached } from "./records.ts"

/** The orders between two ids, both exclusive. An undefined id sets no bound. */
export interface OrderRange {
  readonly before: OrderId | undefined
  readonly after: OrderId | undefined
}

export interface Round {
  /** The range that it covers. */
  readonly range: OrderRange
  /** Everything on record in that range, newest order first. */
  readonly orders: ReadonlyArray<OrderRecords>
  /** The oldest order that it covers; undefined when it reaches the end of the whole range. */
  readonly downTo: OrderId | undefined
}

/** Reads the range, or the newest `most` orders of it. In each round, orders are read first. */
export const rounds = (
  records: Records["Service"],
  { before, after }: OrderRange,
  most = Infinity,
): Stream.Stream<Round, Unreached> =>
  Stream.paginate(
    { before, left: most },
    ({ before, left }) =>
      Effect.map(readRound(records, { before, after }, Math.min(maxPage, left)), (round) => {
        const rest = left - round.orders.filter(({ standing }) => standing !== undefined).length
        const next = round.downTo === undefined || rest <= 0
          ? Option.none()
          : Option.some({ before: round.downTo, left: rest })
        return [[round], next] as const
      }),
  )

const readRound = Effect.fnUntraced(
  function* (records: Records["Service"], { before, after }: OrderRange, limit: number) {
    const audited = yield* records.orders(query({ before, after }, limit))
    const downTo = audited.length < limit ? undefined : audited.at(-1)!.orderId
    const lower = downTo === undefined ? after : justBelow(downTo)
    const pages = yield* Effect.forEach(
      records.participants,
      (name) => records.reservations(name, query({ before, after: lower }, maxPage)),
      { concurrency: "unbounded" },
    )
    const full = pages.filter((page) => page.length === maxPage)
    const recorded = new Map(records.participants.map((name, n) => [name, pages[n]!]))
    return joined({ before, after }, audited, recorded, highest(downTo, ...full.map(lastOf)))
  },
)

const lastOf = (page: ReadonlyArray<Recorded>) => page.at(-1)?.orderId

const query = ({ before, after }: OrderRange, limit: number) => ({
  ...(before !== undefined && { before }),
  ...(after !== undefined && { after }),
  limit,
})

const joined = (
  { before, after }: OrderRange,
  audited: ReadonlyArray<AuditedOrder>,
  recorded: ReadonlyMap<ParticipantName, ReadonlyArray<Recorded>>,
  downTo: OrderId | undefined,
): Round => {
  const isCovered = ({ orderId }: { readonly orderId: OrderId }) =>
    downTo === undefined || orderId >= downTo
  const orders = new Map<
    OrderId,
    OrderRecords & { recorded: Partial<Record<ParticipantName, Recorded>> }
  >()
  for (const standing of audited.filter(isCovered)) {
    orders.set(standing.orderId, { orderId: standing.orderId, standing, recorded: {} })
  }
  for (const [name, page] of recorded) {
    for (const record of page.filter(isCovered)) {
      const { orderId } = record
      const order = orders.get(orderId) ?? { orderId, standing: undefined, recorded: {} }
      order.recorded[name] = record
      orders.set(orderId, order)
    }
  }
  return {
    range: { before, after: downTo === undefined ? after : justBelow(downTo) },
    orders: [...orders.values()].sort((a, b) => a.orderId < b.orderId ? 1 : -1),
    downTo,
  }
}
