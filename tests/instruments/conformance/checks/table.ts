/** The rows of the protocol's table, each tried with single commands. */
import { Broken, type Check } from "../check.ts"
import type { Kit } from "../kit.ts"

const absentReserve = async (kit: Kit) => {
  const { available, few } = kit
  await kit.gets("reserved", kit.reserve(kit.order(), few))
  await kit.leaves(available - few, `After a reserve of ${few} of ${available}`)
  await kit.gets("rejected", kit.reserve(kit.order(), available - few + 1))
  await kit.gets("rejected", kit.reserve(kit.order(), 1, kit.unknown))
  await kit.leaves(available - few, "After two reserves that were rejected")
  return `${few} of ${available} were reserved; one more than was left, and an unknown resource, were rejected`
}

const absentCancel = async (kit: Kit) => {
  await kit.gets("cancelled", kit.cancel(kit.order(), kit.few))
  await kit.gets("cancelled", kit.cancel(kit.order(), 1, kit.unknown))
  await kit.leaves(kit.available, "After cancels of orders that held nothing")
  return `"cancelled", and ${kit.available} were left as before`
}

const reservedReserve = async (kit: Kit) => {
  const { available, few } = kit
  const command = kit.reserve(kit.order(), few)
  for (let time = 1; time <= 3; time++) await kit.gets("reserved", command)
  await kit.leaves(available - few, `After the same reserve of ${few} came 3 times`)
  return `"reserved" each time, and ${few} of ${available} were taken once`
}

const reservedReserveOther = async (kit: Kit) => {
  const { available, few } = kit
  const orderId = kit.order()
  await kit.gets("reserved", kit.reserve(orderId, few))
  await kit.gets("mismatch", kit.reserve(orderId, few + 1))
  await kit.gets("mismatch", kit.reserve(orderId, few, kit.unknown))
  await kit.leaves(available - few, "After reserves of another quantity and another resource")
  await kit.gets("reserved", kit.reserve(orderId, few))
  return `"mismatch", nothing changed, and the first reserve is still "reserved"`
}

const reservedCancel = async (kit: Kit) => {
  const orderId = kit.order()
  await kit.gets("reserved", kit.reserve(orderId, kit.few))
  await kit.gets("cancelled", kit.cancel(orderId, kit.few))
  await kit.leaves(kit.available, `After a reserve of ${kit.few} and its cancel`)
  return `"cancelled", and all ${kit.available} were there again`
}

const cancelOtherPayload = async (kit: Kit) => {
  for (
    const [quantity, resource] of [[kit.few + 1, kit.resource], [kit.few, kit.unknown]] as const
  ) {
    const orderId = kit.order()
    await kit.gets("reserved", kit.reserve(orderId, kit.few))
    await kit.gets("cancelled", kit.cancel(orderId, quantity, resource))
    const named = resource === kit.resource ? "quantity" : "resource"
    await kit.leaves(kit.available, `After a cancel that named another ${named} than was reserved`)
  }
  return "what is on record was given back, not what the cancel named"
}

const rejectedReserve = async (kit: Kit) => {
  const [holder, refused] = [kit.order(), kit.order()]
  await kit.gets("reserved", kit.reserve(holder, kit.available))
  await kit.gets("rejected", kit.reserve(refused))
  await kit.gets("rejected", kit.reserve(refused))
  await kit.gets("cancelled", kit.cancel(holder, kit.available))
  await kit.gets("rejected", kit.reserve(refused))
  await kit.leaves(kit.available, "After reserves that were rejected")
  return `"rejected" again, although enough was left`
}

const rejectedCancel = async (kit: Kit) => {
  const reserve = kit.tooMuch(kit.order())
  await kit.gets("rejected", reserve)
  await kit.gets("cancelled", { ...reserve, action: "cancel" })
  await kit.leaves(kit.available, "After the cancel of an order that was rejected")
  await kit.gets("rejected", reserve)
  return `"cancelled", nothing was given back, and the record stayed "rejected"`
}

const cancelledReserve = async (kit: Kit) => {
  const orderId = kit.order()
  await kit.gets("reserved", kit.reserve(orderId, kit.few))
  await kit.gets("cancelled", kit.cancel(orderId, kit.few))
  await kit.gets("cancelled", kit.reserve(orderId, kit.few))
  await kit.leaves(kit.available, "After the reserve of an order that was cancelled")
  return `"cancelled", and nothing was taken`
}

const cancelledCancel = async (kit: Kit) => {
  const orderId = kit.order()
  await kit.gets("reserved", kit.reserve(orderId, kit.few))
  for (let time = 1; time <= 3; time++) await kit.gets("cancelled", kit.cancel(orderId, kit.few))
  await kit.leaves(kit.available, `After a reserve of ${kit.few}, whose cancel came 3 times`)
  return `"cancelled" each time, and ${kit.few} were given back once`
}

const lateReserve = async (kit: Kit) => {
  const orderId = kit.order()
  await kit.gets("cancelled", kit.cancel(orderId, kit.few))
  await kit.gets("cancelled", kit.reserve(orderId, kit.few))
  await kit.leaves(kit.available, "After a cancel and the reserve that came after it")
  await kit.gets("cancelled", kit.reserve(orderId, kit.few + 1))
  const last = await kit.one(kit.cancel(orderId, kit.few))
  if (last !== "cancelled") throw new Broken(`The repeated cancel was answered "${last}"`)
  return `the reserve was answered "cancelled", and took nothing`
}

const row = { at: "the-table" } as const

export const tableChecks: ReadonlyArray<Check> = [
  {
    ...row,
    name: "absent-reserve",
    tries: "reserves of new orders: of a few, of more than is left, and of an unknown resource",
    says: "Enough: take it, record reserved; not enough or unknown resource: record rejected.",
    run: absentReserve,
  },
  {
    ...row,
    name: "absent-cancel",
    tries: "cancels of orders that were never reserved",
    says: "Answer cancelled, and give nothing back.",
    run: absentCancel,
  },
  {
    ...row,
    name: "reserved-reserve",
    tries: "the same reserve, 3 times",
    says: "The same resource and quantity: reserved again, and nothing is taken twice.",
    run: reservedReserve,
  },
  {
    ...row,
    name: "reserved-reserve-other",
    tries: "a reserve of a reserved order with another quantity, and with another resource",
    says: "Another resource or quantity: mismatch, and nothing changes.",
    run: reservedReserveOther,
  },
  {
    ...row,
    name: "reserved-cancel",
    tries: "a reserve and its cancel",
    says: "Give back once, record cancelled.",
    run: reservedCancel,
  },
  {
    ...row,
    name: "cancel-other-payload",
    tries: "cancels that name another quantity, or another resource, than was reserved",
    says: "A cancel gives back what the record says, not what the command says.",
    run: cancelOtherPayload,
  },
  {
    ...row,
    name: "rejected-reserve",
    tries: "a reserve that was rejected, repeated when enough is left",
    says: "Rejected again, even if enough is left now.",
    run: rejectedReserve,
  },
  {
    ...row,
    name: "rejected-cancel",
    tries: "the cancel of an order that was rejected",
    says: "Nothing to give back; answer cancelled; the record stays as it is.",
    run: rejectedCancel,
  },
  {
    ...row,
    name: "cancelled-reserve",
    tries: "the reserve of an order that was reserved and cancelled",
    says: "Answer cancelled, and take nothing.",
    run: cancelledReserve,
  },
  {
    ...row,
    name: "cancelled-cancel",
    tries: "the same cancel, 3 times",
    says: "Answer cancelled, and give nothing back a second time.",
    run: cancelledCancel,
  },
  {
    name: "late-reserve",
    at: "tombstones",
    tries: "a cancel of a new order, and its reserve after it",
    says: "A cancel that comes first is recorded, so that the later reserve is refused.",
    run: lateReserve,
  },
]
