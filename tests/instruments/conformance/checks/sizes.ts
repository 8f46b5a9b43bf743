/** The largest sizes that the protocol allows, and bodies that are larger. */
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { excerpt } from "../answers.ts"
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

/** The most bytes of a body. */
const mostBytes = { reservations: 1_048_576, forget: 65_536 }

/** JSON of this size: spaces after a value mean nothing. */
const padded = (value: unknown, bytes: number) => JSON.stringify(value).padEnd(bytes)

const largestBody = async (kit: Kit) => {
  const [small, large] = [kit.order(), kit.order()]
  const reservations = (orderId: OrderId, bytes: number) => ({
    method: "POST" as const,
    path: "/internal/reservations",
    body: padded({ commands: [kit.cancel(orderId)] }, bytes),
  })
  const largest = await kit.ask(reservations(small, mostBytes.reservations))
  if (largest.status !== 200) {
    throw new Broken(
      `A body of ${mostBytes.reservations} bytes was answered ${largest.status}: ${
        excerpt(largest.text)
      }`,
    )
  }
  const tooLarge = [
    reservations(large, mostBytes.reservations + 1),
    {
      method: "POST" as const,
      path: "/internal/forget",
      // Incomplete on purpose: a complete body could release what is spared.
      body: padded({ before: large }, mostBytes.forget + 1),
    },
  ]
  for (const sent of tooLarge) {
    const { status, text } = await kit.ask(sent)
    if (status === 413) continue
    throw new Broken(
      `POST ${sent.path} with ${sent.body.length} bytes was answered ${status} instead of 413: ${
        excerpt(text)
      }`,
    )
  }
  await kit.gets("reserved", kit.reserve(large))
  return `${mostBytes.reservations} bytes were accepted; larger bodies got 413, and changed nothing`
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
  {
    name: "largest-body",
    at: "sizes",
    tries: "bodies of as many bytes as a request may have, and of one more",
    says: `A body may have ${mostBytes.reservations} bytes, and ${mostBytes.forget} for ` +
      "POST /internal/forget. A larger body is answered 413, and changes nothing.",
    run: largestBody,
  },
]
