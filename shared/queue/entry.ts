/**
 * The format of an entry: one field, `message`, with an order message as JSON. Anything else in a
 * stream (entries of another program, an unknown version, noise) is unreadable, with a cause.
 */
import { Option, Result, Schema } from "effect"
import { StepName } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { OrderMessage } from "#shared/contracts/order-message.ts"

const fieldName = "message"
const decodeOrderMessage = Schema.decodeUnknownResult(OrderMessage)

/** An entry without an order message: the cause in one line, and its order, if it is known. */
export interface Unreadable {
  readonly cause: string
  readonly orderId: OrderId | undefined
}

/** Makes any text one line of at most 300 characters, for logs and dead letters. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 300)

/** The fields of an entry: names and values, alternating. */
export const encodeEntry = (message: OrderMessage): ReadonlyArray<string> => [
  fieldName,
  JSON.stringify(message),
]

/** Reads the fields of an entry. Fails with Unreadable. */
export const decodeEntry = (
  fields: ReadonlyArray<string>,
): Result.Result<OrderMessage, Unreadable> => {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === fieldName)
  const text = fields[at + 1]
  if (at < 0 || text === undefined) return unreadable(`there is no field "${fieldName}"`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return unreadable(`the message is not JSON: ${error}`)
  }
  const decoded = decodeOrderMessage(json)
  if (Result.isSuccess(decoded)) return Result.succeed(decoded.success)
  const step = unknownStep(json)
  return unreadable(
    step === undefined
      ? `the message is not an order message: ${decoded.failure.message}`
      : `this orchestrator does not know the step "${step}": it is older than the order; ` +
        "the order is published again",
    orderIdIn(json),
  )
}

const unreadable = (cause: string, orderId?: OrderId): Result.Result<never, Unreadable> =>
  Result.fail({ cause: oneLine(cause), orderId })

const decodeOfAnyVersion = Schema.decodeUnknownOption(
  Schema.Struct({ ...OrderMessage.fields, steps: Schema.Array(Schema.String) }),
)
const isKnown = Schema.is(StepName)

/** The unknown step in the message of a later version, if nothing else is wrong with it. */
const unknownStep = (json: unknown): string | undefined =>
  Option.getOrUndefined(decodeOfAnyVersion(json))?.steps.find((step) => !isKnown(step))

const decodeOrderId = Schema.decodeUnknownOption(
  Schema.Struct({ orderId: OrderMessage.fields.orderId }),
)

const orderIdIn = (json: unknown): OrderId | undefined =>
  Option.getOrUndefined(decodeOrderId(json))?.orderId
