/** Old orders, whose age is their tombstone, and what a participant forgets when it is told to. */
import { maxPage } from "#shared/contracts/audit.ts"
import { firstIdAt, madeAtMs, type OrderId } from "#shared/contracts/order.ts"
import { maxSpared } from "#shared/contracts/retention.ts"
import { excerpt, listOf, objectOf } from "../answers.ts"
import { Broken, type Check, NotTried } from "../check.ts"
import { idBefore, idBehind } from "../ids.ts"
import { type Kit, told } from "../kit.ts"

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const yearsMs = 5 * 365 * dayMs

const oldOrder = async (kit: Kit) => {
  const [reserved, cancelled] = [kit.order(yearsMs), kit.order(yearsMs)]
  await kit.gets("cancelled", kit.reserve(reserved, kit.few))
  await kit.gets("cancelled", kit.cancel(cancelled, kit.few))
  await kit.gets("cancelled", kit.reserve(cancelled, kit.few))
  await kit.leaves(kit.available, "After the reserve of an order that is years old")
  for (const orderId of [reserved, cancelled]) {
    const [found] = await kit.records({ after: idBefore(orderId), before: idBehind(orderId) })
    if (found !== undefined) {
      throw new Broken(`An order that is years old left a record: ${excerpt(found)}`)
    }
  }
  return `"cancelled" to both, nothing was taken, and nothing is on record`
}

const youngOrder = async (kit: Kit) => {
  for (const ageMs of [-60_000, 0, hourMs, 20 * hourMs]) {
    const orderId = kit.order(ageMs)
    await kit.gets("reserved", kit.reserve(orderId))
    await kit.gets("cancelled", kit.cancel(orderId))
    await kit.gets("cancelled", kit.reserve(orderId))
  }
  return "orders of a minute ahead, of now, of an hour ago and of 20 hours ago were reserved"
}

const forgotten = async (kit: Kit) => {
  const answer = await kit.get("/internal/forgotten")
  const { before } = objectOf(answer)
  const spared = listOf(answer, "spared") as ReadonlyArray<OrderId>
  if (typeof before !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(before)) {
    throw new Broken(`It does not say before which order it has forgotten: ${excerpt(answer.text)}`)
  }
  return { before: before as OrderId, spared }
}

/** The most pages of old records that are read. */
const mostPages = 20

/**
 * The orders to spare, so that only the kit's own are forgotten: those that are spared now, and all
 * old records of others.
 */
const sparing = async (kit: Kit): Promise<ReadonlyArray<OrderId>> => {
  const except = new Set((await forgotten(kit)).spared)
  let before = firstIdAt(Date.now() - dayMs)
  for (let pages = 1; pages <= mostPages; pages++) {
    const page = await kit.records({ before, limit: maxPage })
    for (const { orderId, resource } of page) if (!kit.isOwn(resource)) except.add(orderId)
    if (except.size > maxSpared) break
    if (page.length === 0) return [...except]
    before = page.at(-1)!.orderId
  }
  throw new NotTried("there are too many old records of others here, which would be forgotten too")
}

const forget = async (kit: Kit, before: OrderId, except: ReadonlyArray<OrderId>) => {
  const answer = await kit.post("/internal/forget", { before, except })
  const count = objectOf(answer)["forgotten"]
  if (Number.isSafeInteger(count) && (count as number) >= 0) return count as number
  throw new Broken(`It does not say how many it has forgotten: ${excerpt(answer.text)}`)
}

const forgetYoung = async (kit: Kit) => {
  const except = await sparing(kit)
  const held = kit.reserve(kit.order(), kit.few)
  const tombstone = kit.reserve(kit.order(hourMs), kit.few)
  await kit.gets("reserved", held)
  await kit.gets("cancelled", { ...tombstone, action: "cancel" })
  const count = await forget(kit, firstIdAt(Date.now() + hourMs), except)
  for (const [command, expected] of [[held, "reserved"], [tombstone, "cancelled"]] as const) {
    const { orderId } = command
    const [found] = await kit.records({ after: idBefore(orderId), before: idBehind(orderId) })
    if (found?.outcome === expected) continue
    throw new Broken(
      `Told to forget all before an hour from now, it forgot ${count} records, including that of ${
        told(command)
      }, which was ${expected}`,
    )
  }
  await kit.gets("reserved", held)
  await kit.gets("cancelled", tombstone)
  await kit.leaves(kit.available - kit.few, "After it was told to forget")
  return `it forgot ${count} records, and none of a young order`
}

const forgottenAnswer = async (kit: Kit) => {
  const first = await forgotten(kit)
  if (madeAtMs(first.before) > Date.now() - dayMs) {
    throw new Broken(`It has forgotten up to ${first.before}, which is younger than a day`)
  }
  // No order is before the lowest id, and what is spared stays spared.
  await forget(kit, firstIdAt(0), first.spared)
  const then = await forgotten(kit)
  if (then.before < first.before) {
    throw new Broken(`It had forgotten up to ${first.before}, and then only up to ${then.before}`)
  }
  for (
    const body of [{}, { before: "yesterday", except: [] }, {
      before: first.before,
      except: "none",
    }]
  ) {
    const { status, text } = await kit.post("/internal/forget", body)
    if (status >= 400 && status < 500) continue
    throw new Broken(
      `The request to forget ${excerpt(body)} was answered ${status} instead of being refused: ${
        excerpt(text)
      }`,
    )
  }
  return `up to ${then.before}, which does not go back; invalid requests were refused with 4xx`
}

export const ageingChecks: ReadonlyArray<Check> = [
  {
    name: "old-order",
    at: "ageing",
    tries: "a reserve and a cancel of orders that are years old, by their ids",
    says:
      "An order beyond the retention that has no record is answered cancelled, and leaves no record.",
    run: oldOrder,
  },
  {
    name: "young-order",
    at: "ageing",
    tries: "reserves of orders from a minute ahead to 20 hours ago",
    says: "The retention is a day or longer: an order that is younger is never too old.",
    run: youngOrder,
  },
  {
    name: "forget-young",
    at: "retention",
    tries: "a request to forget all orders before an hour from now",
    says:
      "No order that is younger than the retention plus a day is forgotten, whatever is requested.",
    run: forgetYoung,
  },
  {
    name: "forgotten",
    at: "retention",
    tries: "how far it has forgotten, and invalid requests to forget",
    says:
      "It tells before which order it has forgotten, and which it spared; this never goes back.",
    run: forgottenAnswer,
  },
]
