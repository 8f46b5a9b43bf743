/** Requests that the protocol does not have: they are refused, and change nothing. */
import type { OrderId } from "#shared/contracts/order.ts"
import { type Command, maxBatch } from "#shared/contracts/reservation.ts"
import { excerpt } from "../answers.ts"
import { Broken, type Check } from "../check.ts"
import type { Kit } from "../kit.ts"
import type { Sent } from "../wire.ts"

const path = "/internal/reservations"

/** A status that a caller neither retries nor takes for a wrong address or key. */
const isRefusal = (status: number): boolean =>
  status >= 400 && status < 500 && ![401, 403, 404, 408, 429].includes(status)

const is4xx = (status: number): boolean => status >= 400 && status < 500

/**
 * A request that would cancel a new order has to be refused; then the order can still be reserved.
 */
const refuses = async (
  kit: Kit,
  what: string,
  sent: (orderId: OrderId) => Sent,
  isRight: (status: number) => boolean = isRefusal,
) => {
  const orderId = kit.order()
  const { status, text } = await kit.ask(sent(orderId))
  if (!isRight(status)) {
    throw new Broken(
      `A request with ${what} was answered ${status} instead of being refused: ${excerpt(text)}`,
    )
  }
  const after = await kit.one(kit.reserve(orderId))
  if (after !== "reserved") {
    throw new Broken(
      `A request with ${what} was answered ${status}, but its order is on record: its reserve was answered "${after}"`,
    )
  }
  await kit.gets("cancelled", kit.cancel(orderId))
}

const json = (value: unknown): string => JSON.stringify(value)

/** Invalid bodies, by what is wrong with them. */
const wrongBodies = (command: Command): Readonly<Record<string, string>> => {
  const whole = json({ commands: [command] })
  const withField = (field: keyof Command, value: unknown) =>
    json({ commands: [{ ...command, [field]: value }] })
  const without = (field: keyof Command) =>
    json({
      commands: [Object.fromEntries(Object.entries(command).filter(([name]) => name !== field))],
    })
  const fields = Object.keys(command) as ReadonlyArray<keyof Command>
  return {
    "no body": "",
    "JSON that is cut off": whole.slice(0, -1),
    "two values of JSON": `${whole}${whole}`,
    "a list instead of an object": json([command]),
    "a field that stands twice": whole.replace("{", `{"commands":[],`),
    "no commands": json({}),
    "an empty list of commands": json({ commands: [] }),
    "commands that are not a list": json({ commands: command }),
    "an unknown field": json({ commands: [command], more: 1 }),
    "a command with an unknown field": json({ commands: [{ ...command, more: 1 }] }),
    "a command that is null": json({ commands: [command, null] }),
    ...Object.fromEntries(fields.map((field) => [`a command without ${field}`, without(field)])),
    ...Object.fromEntries(fields.map((field) => [`null for ${field}`, withField(field, null)])),
    "a number for orderId": withField("orderId", 5),
    "an orderId that is not a UUID": withField("orderId", "an order"),
    "an orderId in capitals": withField("orderId", command.orderId.toUpperCase()),
    "an unknown action": withField("action", "take"),
    "a number for resource": withField("resource", 5),
    "an empty resource": withField("resource", ""),
    "NUL in resource": withField("resource", "a\0b"),
    "a lone surrogate in resource": withField("resource", "a\ud800b"),
    "U+FFFD in resource": withField("resource", "a\ufffdb"),
    "a resource of 151 characters": withField("resource", "a".repeat(151)),
    "a text for quantity": withField("quantity", "1"),
    "the quantity 0": withField("quantity", 0),
    "the quantity -1": withField("quantity", -1),
    "the quantity 1.5": withField("quantity", 1.5),
    "the quantity 9007199254740992": withField("quantity", 2 ** 53),
    "the quantity true": withField("quantity", true),
  }
}

const malformed = async (kit: Kit) => {
  // A body with a wrong order id could not leave a record of this order.
  const bodies = (orderId: OrderId) => wrongBodies(kit.cancel(orderId))
  const names = Object.keys(bodies(kit.order()))
  for (const name of names) {
    await refuses(kit, name, (orderId) => ({ method: "POST", path, body: bodies(orderId)[name]! }))
  }
  await refuses(kit, "the type text/plain", (orderId) => ({
    method: "POST",
    path,
    contentType: "text/plain",
    body: json({ commands: [kit.cancel(orderId)] }),
  }))
  await kit.leaves(kit.available, "After malformed requests")
  return `${names.length + 1} malformed requests were refused with 4xx, and changed nothing`
}

const malformedBatch = async (kit: Kit) => {
  for (const bad of [{ quantity: 0 }, { resource: "a\0b" }, { action: "take" }]) {
    const broken = { ...kit.cancel(kit.order()), ...bad }
    for (const last of [true, false]) {
      const name = `one malformed command ${last ? "after" : "before"} a valid one, ${excerpt(bad)}`
      await refuses(kit, name, (orderId) => {
        const right = kit.cancel(orderId)
        const commands = last ? [right, broken] : [broken, right]
        return { method: "POST", path, body: json({ commands }) }
      })
    }
  }
  return "the batches were refused as a whole, and none of their commands took effect"
}

const wrongMethod = async (kit: Kit) => {
  for (const method of ["PUT", "PATCH", "DELETE"] as const) {
    const sent = (orderId: OrderId): Sent => ({
      method,
      path,
      body: json({ commands: [kit.cancel(orderId)] }),
    })
    await refuses(kit, `the method ${method}`, sent, is4xx)
  }
  return "PUT, PATCH and DELETE were answered with 4xx, and changed nothing"
}

const wrongPath = async (kit: Kit) => {
  for (const wrong of ["/internal/reservation", `${path}/more`]) {
    const sent = (orderId: OrderId): Sent => ({
      method: "POST",
      path: wrong,
      body: json({ commands: [kit.cancel(orderId)] }),
    })
    await refuses(kit, `the path ${wrong}`, sent, is4xx)
  }
  return "paths that do not exist were answered with 4xx, and changed nothing"
}

const tooMany = async (kit: Kit) => {
  const others = Array.from({ length: maxBatch }, () => kit.cancel(kit.order(), 1, kit.unknown))
  await refuses(kit, `${maxBatch + 1} commands`, (orderId) => ({
    method: "POST",
    path,
    body: json({ commands: [kit.cancel(orderId), ...others] }),
  }))
  return `${maxBatch + 1} commands were refused with 4xx, and changed nothing`
}

export const requestChecks: ReadonlyArray<Check> = [
  {
    name: "malformed",
    at: "errors",
    tries: "no JSON, wrong, missing and unknown fields, wrong types, NUL in a text",
    says: "A malformed request is refused as a whole with 4xx, and changes nothing.",
    run: malformed,
  },
  {
    name: "malformed-batch",
    at: "batches",
    tries: "batches of a valid command and a malformed one",
    says:
      "One malformed command makes the whole request refused; none of its commands takes effect.",
    run: malformedBatch,
  },
  {
    name: "wrong-method",
    at: "errors",
    tries: "PUT, PATCH and DELETE in place of POST",
    says: "Another method is refused with 4xx, and changes nothing.",
    run: wrongMethod,
  },
  {
    name: "wrong-path",
    at: "errors",
    tries: "paths that the protocol does not have",
    says: "Another path is refused with 4xx, and changes nothing.",
    run: wrongPath,
  },
  {
    name: "too-many-commands",
    at: "sizes",
    tries: `a batch of ${maxBatch + 1} commands`,
    says: `More than ${maxBatch} commands are refused with 4xx, and none takes effect.`,
    run: tooMany,
  },
]
