/** What the audit reads: the pages of records, and the books. */
import type { Recorded } from "#shared/contracts/audit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { excerpt, listOf, objectOf } from "../answers.ts"
import { Broken, type Check } from "../check.ts"
import { idBefore, idBehind } from "../ids.ts"
import type { Kit } from "../kit.ts"

/** The bounds of a page, which are exclusive, just around these orders. */
const around = (orders: ReadonlyArray<OrderId>) => {
  const sorted = orders.toSorted()
  return { after: idBefore(sorted[0]!), before: idBehind(sorted.at(-1)!) }
}

const records = async (kit: Kit) => {
  const { few } = kit
  const [reserved, rejected, cancelled, tombstone, none] = Array.from(
    { length: 5 },
    () => kit.order(),
  ) as [OrderId, OrderId, OrderId, OrderId, OrderId]
  const tooMuch = kit.tooMuch(rejected)
  await kit.gets("rejected", tooMuch)
  await kit.gets("cancelled", { ...tooMuch, action: "cancel" })
  await kit.gets("reserved", kit.reserve(reserved, few))
  await kit.gets("mismatch", kit.reserve(reserved, few + 1))
  await kit.batch([kit.reserve(cancelled, 1), kit.cancel(cancelled, 1)])
  await kit.gets("cancelled", kit.cancel(tombstone, 2))
  const page = await kit.records(around([reserved, rejected, cancelled, tombstone, none]))
  const expected: ReadonlyArray<readonly [Command, Recorded["outcome"]]> = [
    [kit.reserve(reserved, few), "reserved"],
    [tooMuch, "rejected"],
    [kit.reserve(tombstone, 2), "cancelled"],
  ]
  for (const [{ orderId, quantity, resource }, outcome] of expected) {
    const found = page.find((record) => record.orderId === orderId)
    const isRight = found?.outcome === outcome && found.quantity === quantity &&
      found.resource === resource
    if (isRight) continue
    throw new Broken(
      `The record of order ${orderId}, which is ${outcome} with ${quantity} of ${resource}, is ${
        excerpt(found ?? "not there")
      }`,
    )
  }
  const extra = page.find(({ orderId }) => orderId === none)
  if (extra !== undefined) {
    throw new Broken(`An order that got no command is on record: ${excerpt(extra)}`)
  }
  return "the records match the commands: reserved, rejected and cancelled"
}

const cursor = async (kit: Kit) => {
  const orders = Array.from({ length: 13 }, () => kit.order())
  await kit.batch(orders.map((orderId) => kit.cancel(orderId)))
  const { after, before } = around(orders)
  const limit = 4
  const walked: Array<OrderId> = []
  for (let from = before;;) {
    const page = await kit.records({ after, before: from, limit })
    const outside = page.find(({ orderId }) => orderId >= from || orderId <= after)
    if (outside !== undefined) {
      throw new Broken(`A page before ${from} and after ${after} has order ${outside.orderId}`)
    }
    if (page.length > limit) {
      throw new Broken(`A page with the limit ${limit} has ${page.length} records`)
    }
    walked.push(...page.map(({ orderId }) => orderId))
    const last = page.at(-1)
    if (last === undefined) break
    from = last.orderId
  }
  const missing = orders.find((orderId) => !walked.includes(orderId))
  if (missing !== undefined) {
    throw new Broken(
      `Pages of ${limit}, each read from the last order of the one before, left out order ${missing}`,
    )
  }
  const middle = orders.toSorted()[6]!
  const newer = await kit.records({ after: middle, before })
  if (newer.length < 6 || newer.some(({ orderId }) => orderId <= middle)) {
    throw new Broken(`A page of the 6 orders after ${middle} has ${newer.length}, or an older one`)
  }
  return `${orders.length} orders in pages of ${limit}: newest first, none twice, none left out`
}

const wrongPages = async (kit: Kit) => {
  for (
    const query of ["limit=0", "limit=1001", "limit=few", "before=yesterday", "after=1", "more=1"]
  ) {
    const { status, text } = await kit.get(`/internal/reservations?${query}`)
    if (status >= 400 && status < 500) continue
    throw new Broken(`?${query} was answered ${status} instead of being refused: ${excerpt(text)}`)
  }
  return "each was refused with 4xx"
}

const books = async (kit: Kit) => {
  const balanced = async (when: string) => {
    const answer = await kit.get("/internal/books")
    const { resources } = objectOf(answer)
    if (!Number.isSafeInteger(resources) || (resources as number) < 1) {
      throw new Broken(`The books do not say how many resources there are: ${excerpt(answer.text)}`)
    }
    const imbalanced = listOf(answer, "imbalanced") as ReadonlyArray<{ resource?: unknown } | null>
    const own = imbalanced.find((one) => one?.resource === kit.resource)
    if (own !== undefined) throw new Broken(`The books do not balance ${when}: ${excerpt(own)}`)
    return imbalanced.length
  }
  const orderId = kit.order()
  await balanced("before anything is held")
  await kit.gets("reserved", kit.reserve(orderId, kit.few))
  await balanced(`while ${kit.few} are held`)
  await kit.gets("cancelled", kit.cancel(orderId, kit.few))
  const orders = Array.from({ length: 20 }, () => kit.order())
  await Promise.all(orders.flatMap((orderId) => [
    kit.one(kit.reserve(orderId)),
    balanced("while orders are reserved"),
    kit.one(kit.cancel(orderId)),
  ]))
  const others = await balanced("after that was given back")
  return others === 0
    ? "they balanced before, during and after a reservation"
    : `those of ${kit.resource} balanced; those of ${others} other resources do not`
}

export const auditChecks: ReadonlyArray<Check> = [
  {
    name: "records",
    at: "audit",
    tries: "the records of orders that were reserved, rejected, cancelled or never seen",
    says:
      "A page has a record for each order: its outcome, resource and quantity, and when it was recorded.",
    run: records,
  },
  {
    name: "page-cursor",
    at: "audit",
    tries: "13 orders in pages of 4, each page from the last order of the one before",
    says: "Newest order first, between before and after, both exclusive; none twice, none missing.",
    run: cursor,
  },
  {
    name: "wrong-pages",
    at: "audit",
    tries: "limits of 0, of 1001 and in words, bounds that are not ids, and an unknown parameter",
    says: "A limit is from 1 to 1000, a bound is an order's id; anything else is refused with 4xx.",
    run: wrongPages,
  },
  {
    name: "books",
    at: "audit",
    tries: "the books before, during and after a reservation, and while others come and go",
    says: "At every instant, what is left, held and consumed adds up to what there was.",
    run: books,
  },
]
