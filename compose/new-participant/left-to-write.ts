/**
 * What only the author of the step can say: what an order takes of it, why it fails, and how a
 * customer names it.
 */
import { type Edit, oneMoreIn } from "./edits.ts"
import { participantOf, type Wanted } from "./participant.ts"

/** An edit for a person to make: a suggested text, and its place. */
export interface Suggested extends Edit {
  readonly lines: string
}

/** The row of the saga, and the field of the order that it reads. */
export const leftToWrite = (wanted: Wanted): readonly [row: Suggested, field: Suggested] => {
  const { name, resource, step, balance } = participantOf(wanted)
  const row = `  {
    step: "${step}",
    at: "${name}",
    takes: ({ details }) => [details.${resource} ?? "1", 1],
    refusal: "No ${step} is ${balance === "stock" ? "left" : "free"}",
    scarce: true,
  },
`
  const field = `  ${resource}: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,50}$/u)),
  ),
`
  return [
    {
      file: "shared/contracts/order-saga.ts",
      what: "the last row of orderSaga",
      lines: row,
      edit: oneMoreIn(/^export const orderSaga = \[\n(?: {2,}.*\n)+/m, row),
    },
    {
      file: "shared/contracts/order.ts",
      what: "the last field of Details",
      lines: field,
      edit: oneMoreIn(/^export const Details = Schema\.Struct\(\{\n(?: {2,}.*\n)+/m, field),
    },
  ]
}
