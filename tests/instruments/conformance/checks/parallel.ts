/**
 * The same commands many times at once, many orders that want the last unit, and batches of the
 * same orders in different sequences.
 */
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { Broken, type Check } from "../check.ts"
import { type Kit, told } from "../kit.ts"

/** How many duplicates are sent at once, one size after the other. */
const sizes = [1, 2, 3, 5, 8, 13, 25, 50]

const together = (kit: Kit, commands: ReadonlyArray<Command>) =>
  Promise.all(commands.map((command) => kit.one(command)))

const times = (command: Command, count: number) => Array.from({ length: count }, () => command)

/** All of them, sent at once, have to get the same answer. */
const allGet = async (kit: Kit, word: string, command: Command, count: number) => {
  const answered = await together(kit, times(command, count))
  const others = answered.filter((one) => one !== word)
  if (others.length === 0) return
  throw new Broken(
    `Of ${count} times ${told(command)} at once, ${others.length} were answered "${
      [...new Set(others)].join('" or "')
    }" instead of "${word}"`,
  )
}

const parallelReserves = async (kit: Kit) => {
  for (const count of sizes) {
    const command = kit.reserve(kit.order(), kit.few)
    await allGet(kit, "reserved", command, count)
    await kit.leaves(
      kit.available - kit.few,
      `After a reserve of ${kit.few} came ${count} times at once`,
    )
    await kit.gets("cancelled", { ...command, action: "cancel" })
  }
  return `"reserved" to all, and taken once`
}

const parallelCancels = async (kit: Kit) => {
  for (const count of sizes) {
    const command = kit.reserve(kit.order(), kit.few)
    await kit.gets("reserved", command)
    await allGet(kit, "cancelled", { ...command, action: "cancel" }, count)
    await kit.leaves(kit.available, `After a cancel came ${count} times at once`)
  }
  return `"cancelled" to all, and given back once`
}

const parallelMixed = async (kit: Kit) => {
  for (const count of sizes) {
    const orderId = kit.order()
    const [reserve, cancel] = [kit.reserve(orderId, kit.few), kit.cancel(orderId, kit.few)]
    const commands = times(reserve, count).flatMap((command) => [command, cancel])
    const answered = await together(kit, commands)
    answered.forEach((word, n) => {
      if (word === "cancelled" || (word === "reserved" && n % 2 === 0)) return
      throw new Broken(`${told(commands[n]!)}, at once with its opposite, was answered "${word}"`)
    })
    await kit.gets("cancelled", reserve)
    await kit.leaves(
      kit.available,
      `After ${count} reserves and ${count} cancels of an order at once`,
    )
  }
  return "each order ended as cancelled, and all that was taken was given back"
}

const wanting = 100
const rounds = 3

const lastUnit = async (kit: Kit) => {
  if (kit.available > 1) {
    await kit.gets("reserved", kit.reserve(kit.order(), kit.available - 1))
  }
  for (let round = 1; round <= rounds; round++) {
    // Opens the connections first: a request that has to open one would come late.
    await Promise.all(Array.from({ length: wanting }, () => kit.get("/livez")))
    const commands = Array.from({ length: wanting }, () => kit.reserve(kit.order()))
    const answered = await together(kit, commands)
    const count = (word: string) => answered.filter((one) => one === word).length
    if (count("reserved") !== 1 || count("rejected") !== wanting - 1) {
      throw new Broken(
        `Of ${wanting} orders that wanted the last unit at once, ${count("reserved")} got it, and ${
          count("rejected")
        } were rejected`,
      )
    }
    await kit.leaves(0, "After the last unit was reserved")
    const again = await together(kit, commands)
    const other = again.findIndex((word, n) => word !== answered[n])
    if (other !== -1) {
      throw new Broken(
        `${told(commands[other]!)} was answered "${answered[other]}", and then "${again[other]}"`,
      )
    }
    const got = commands[answered.indexOf("reserved")]!
    await kit.gets("cancelled", { ...got, action: "cancel" })
  }
  return `${rounds} times one got it and ${
    wanting - 1
  } were rejected; all were answered the same again`
}

/**
 * A rotation that starts elsewhere, every second one reversed: this deadlocks a participant that
 * locks in the order of commands.
 */
const inAnotherOrder = (orders: ReadonlyArray<OrderId>, n: number): ReadonlyArray<OrderId> => {
  const at = (n * 7) % orders.length
  const turned = [...orders.slice(at), ...orders.slice(0, at)]
  return n % 2 === 0 ? turned : turned.toReversed()
}

const parallelBatches = async (kit: Kit) => {
  const orders = Array.from({ length: 20 }, () => kit.order())
  const orderOf = (n: number) => inAnotherOrder(orders, n)
  const send = (command: (orderId: OrderId) => Command) =>
    Promise.all(Array.from({ length: 8 }, async (_, n) => {
      const answered = await kit.batch(orderOf(n).map(command))
      return new Map(orderOf(n).map((orderId, at) => [orderId, answered[at]]))
    }))
  const [first, ...others] = await send((orderId) => kit.reserve(orderId))
  for (const orderId of orders) {
    const other = others.find((answers) => answers.get(orderId) !== first!.get(orderId))
    if (other === undefined) continue
    throw new Broken(
      `Of concurrent batches, one was answered "${
        first!.get(orderId)
      }" for order ${orderId}, and one "${other.get(orderId)}"`,
    )
  }
  const reserved = [...first!.values()].filter((word) => word === "reserved").length
  const expected = Math.min(orders.length, kit.available)
  if (reserved !== expected) {
    throw new Broken(
      `Of ${orders.length} orders that want 1 of ${kit.available}, ${reserved} got it`,
    )
  }
  await kit.leaves(kit.available - expected, "After 8 batches of the same reserves at once")
  await send((orderId) => kit.cancel(orderId))
  await kit.leaves(kit.available, "After 8 batches of the same cancels at once")
  return `all agreed, ${expected} units were taken once and given back once`
}

export const parallelChecks: ReadonlyArray<Check> = [
  {
    name: "parallel-reserves",
    at: "isolation",
    tries: "the same reserve, 1 to 50 times at once",
    says: "Concurrent duplicates end in one record: all get the same answer, and it is taken once.",
    run: parallelReserves,
  },
  {
    name: "parallel-cancels",
    at: "isolation",
    tries: "the same cancel, 1 to 50 times at once",
    says: "Concurrent duplicates end in one record: it is given back once.",
    run: parallelCancels,
  },
  {
    name: "parallel-mixed",
    at: "isolation",
    tries: "reserves and cancels of one order, 1 to 50 of each at once",
    says: "A cancelled order holds nothing and stays cancelled, whichever command comes first.",
    run: parallelMixed,
  },
  {
    name: "last-unit",
    at: "isolation",
    tries: `${wanting} orders that want the last unit at once`,
    says:
      "The record is written in the transaction that changes the balance, which never goes below 0.",
    run: lastUnit,
  },
  {
    name: "parallel-batches",
    at: "isolation",
    tries: "8 batches of the same 20 orders at once, each in another sequence",
    says:
      "All batches lock rows in one sequence, so they do not deadlock; all get the same answers.",
    run: parallelBatches,
  },
]
