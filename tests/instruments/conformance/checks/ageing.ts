/** Old orders, whose age is their tombstone. */
import { excerpt } from "../answers.ts"
import { Broken, type Check } from "../check.ts"
import { idBefore, idBehind } from "../ids.ts"
import type { Kit } from "../kit.ts"

const hourMs = 3_600_000
const yearsMs = 5 * 365 * 24 * hourMs

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
]
