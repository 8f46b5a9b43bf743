/**
 * What an entry of the stream looks like: one field, `message`, that holds an order message as JSON. Whatever else may
 * stand in a stream (another program's entries, a version that is not known here, noise) is told apart, with its cause.
 */
import { Option, Result, Schema } from "effect"
import { type OrderId, StepName } from "#shared/contracts/order.ts"
import { OrderMessage } from "#shared/contracts/order-message.ts"

const fieldName = "message"
const decodeOrderMessage = Schema.decodeUnknownResult(OrderMessage)

/** An entry that holds no order message: why not, in one line, and whose it is, if it says so. */
export interface Unreadable {
  readonly cause: string
  readonly orderId: OrderId | undefined
}

/** Makes any text one line that is fit for a log and a field of a dead letter: at most 300 characters. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 300)

/** The fields of an entry, as names and values in turn. */
export const encodeEntry = (message: OrderMessage): ReadonlyArray<string> => [
  fieldName,
  JSON.stringify(message),
]

/** Reads the fields of an entry, names and values in turn. Fails with Unreadable. */
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

/** The step that a message of a later version has, if there is nothing else wrong with it. */
const unknownStep = (json: unknown): string | undefined =>
  Option.getOrUndefined(decodeOfAnyVersion(json))?.steps.find((step) => !isKnown(step))

const decodeOrderId = Schema.decodeUnknownOption(
  Schema.Struct({ orderId: OrderMessage.fields.orderId }),
)

const orderIdIn = (json: unknown): OrderId | undefined =>
  Option.getOrUndefined(decodeOrderId(json))?.orderId
