/**
 * What an entry of the stream looks like: one field, `message`, that holds an order message as JSON. Whatever else may
 * stand in a stream (another program's entries, a version we do not know, noise) is told apart here, with its cause.
 */
import { Result, Schema } from "effect"
import { OrderMessage } from "#shared/contracts/order-message.ts"

const fieldName = "message"
const decodeOrderMessage = Schema.decodeUnknownResult(OrderMessage)

/** Makes any text one line that is fit for a log and a field of a dead letter: at most 300 characters. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 300)

/** The fields of an entry, as names and values in turn. */
export const encodeEntry = (message: OrderMessage): ReadonlyArray<string> => [
  fieldName,
  JSON.stringify(message),
]

/** Reads the fields of an entry, names and values in turn. Fails with the cause, in one line. */
export const decodeEntry = (fields: ReadonlyArray<string>): Result.Result<OrderMessage, string> => {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === fieldName)
  const text = fields[at + 1]
  if (at < 0 || text === undefined) return Result.fail(`there is no field "${fieldName}"`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return Result.fail(oneLine(`the message is not JSON: ${error}`))
  }
  return Result.mapError(
    decodeOrderMessage(json),
    (error) => oneLine(`the message is not an order message: ${error.message}`),
  )
}
