/** The largest sizes that the protocol allows. */
import { maxBatch } from "#shared/contracts/reservation.ts"
import { Broken, type Check } from "../check.ts"
import type { Kit } from "../kit.ts"

/** The most characters of a resource. */
const longest = 150

const thousand = async (kit: Kit) => {
  const commands = Array.from({ length: maxBatch }, () => kit.reserve(kit.order()))
  const answered = await kit.batch(commands)
  const expected = Math.min(maxBatch, kit.available)
  const wrong = answered.findIndex((word, n) => word !== (n < expected ? "reserved" : "rejected"))
  if (wrong !== -1) {
    throw new Broken(
      `Of ${maxBatch} reserves of 1 with ${kit.available} left, number ${wrong + 1} was answered "${
        answered[wrong]
      }"`,
    )
  }
  await kit.leaves(kit.available - expected, `After a batch of ${maxBatch} reserves`)
  return `${expected} were reserved, and ${maxBatch - expected} rejected`
}

const longestResource = async (kit: Kit) => {
  // The second name has the most bytes that this many characters can have.
  const names = [kit.unknown.padEnd(longest, "x"), kit.unknown.padEnd(longest, "\u20ac")]
  for (const name of names) await kit.gets("rejected", kit.reserve(kit.order(), 1, name))
  const commands = Array.from(
    { length: maxBatch },
    () => kit.cancel(kit.order(), Number.MAX_SAFE_INTEGER, names[1]!),
  )
  const answered = await kit.batch(commands)
  if (answered.some((word) => word !== "cancelled")) {
    throw new Broken(
      `Of ${maxBatch} cancels with long resources, not all were answered "cancelled"`,
    )
  }
  return `resources of ${longest} characters were accepted, also ${maxBatch} of them in one request`
}

const largestQuantity = async (kit: Kit) => {
  const most = Number.MAX_SAFE_INTEGER
  if (kit.available < most) await kit.gets("rejected", kit.reserve(kit.order(), most))
  await kit.gets("rejected", kit.reserve(kit.order(), most, kit.unknown))
  await kit.gets("cancelled", kit.cancel(kit.order(), most))
  await kit.gets("reserved", kit.reserve(kit.order(), kit.available))
  return `${most} was accepted as a quantity, and all that is available, ${kit.available}, was reserved`
}

export const sizeChecks: ReadonlyArray<Check> = [
  {
    name: "thousand-commands",
    at: "sizes",
    tries: `a batch of ${maxBatch} reserves`,
    says: `A request may have ${maxBatch} commands.`,
    run: thousand,
  },
  {
    name: "longest-resource",
    at: "sizes",
    tries: `resources of ${longest} characters, in one command and in ${maxBatch}`,
    says: `A resource may have ${longest} characters.`,
    run: longestResource,
  },
  {
    name: "largest-quantity",
    at: "sizes",
    tries: "the largest possible quantity, and all that is available",
    says: "A quantity is a whole number from 1 to 9007199254740991.",
    run: largestQuantity,
  },
]
