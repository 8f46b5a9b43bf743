/** What a participant forgets when it is told to, and what it spares. */
import { maxPage } from "#shared/contracts/audit.ts"
import { firstIdAt, madeAtMs, type OrderId } from "#shared/contracts/order.ts"
import { maxSpared } from "#shared/contracts/retention.ts"
import { excerpt, listOf, objectOf } from "../answers.ts"
import { Broken, type Check, NotTried } from "../check.ts"
import { idBefore, idBehind } from "../ids.ts"
import { type Kit, told } from "../kit.ts"

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const forgotten = async (kit: Kit) => {
  const answer = await kit.get("/internal/forgotten")
  const { before } = objectOf(answer)
  const spared = listOf(answer, "spared") as ReadonlyArray<OrderId>
  if (typeof before !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(before)) {
    throw new Broken(`It does not say up to which order it has forgotten: ${excerpt(answer.text)}`)
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

/**
 * No order of the kit is old enough to be forgotten while it has a record. But an order can be
 * spared without one: it only has to be as old as the records that are forgotten now.
 */
const spared = async (kit: Kit) => {
  const first = await forgotten(kit)
  const [old, young] = [idBehind(first.before), kit.order()]
  if (first.spared.length + 2 > maxSpared) throw new NotTried("it spares too many orders already")
  // Just behind the last bound, so that no record of others is forgotten.
  const before = idBehind(old)
  const sparing = async (except: ReadonlyArray<OrderId>, expected: ReadonlyArray<OrderId>) => {
    await forget(kit, before, [...first.spared, ...except])
    const then = await forgotten(kit)
    if (then.before < before) {
      throw new NotTried(`it does not forget more than up to ${then.before} at present`)
    }
    const wanted = [...first.spared, ...expected]
    const isRight = then.spared.length === wanted.length &&
      wanted.every((orderId) => then.spared.includes(orderId))
    return { isRight, saw: `it spares ${excerpt(then.spared)} instead of ${excerpt(wanted)}` }
  }
  const times = [
    ["to spare an old order and a young one", [old, young], [old]],
    ["to spare the same orders again", [old, young], [old]],
    ["to spare the old order no more", [], []],
    ["to spare the order that it has forgotten", [old], []],
  ] as const
  for (const [told, except, expected] of times) {
    const { isRight, saw } = await sparing(except, expected)
    if (!isRight) throw new Broken(`Told ${told}, up to ${before}, ${saw}`)
  }
  return "an old order was spared, twice, until it was named no more; it cannot be spared again"
}

export const forgettingChecks: ReadonlyArray<Check> = [
  {
    name: "forget-young",
    at: "retention",
    tries: "a request to forget all orders before an hour from now",
    says:
      "No order that is younger than the retention plus a day is forgotten, whatever the request says.",
    run: forgetYoung,
  },
  {
    name: "forgotten",
    at: "retention",
    tries: "how far it has forgotten, and invalid requests to forget",
    says: "It tells up to which order it has forgotten, and which it spared; this never goes back.",
    run: forgottenAnswer,
  },
  {
    name: "spared",
    at: "retention",
    tries: "an old order and a young one to spare, again, no more, and then once more",
    says:
      "It spares the orders in except that are below before, until a request does not name them. " +
      "An order that was forgotten cannot be spared again.",
    run: spared,
  },
]
