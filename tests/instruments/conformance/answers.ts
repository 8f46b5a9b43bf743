/** Reads the answers of a participant, and says in words what is wrong with one. */
import { printable } from "#shared/command/printable.ts"
import type { Recorded } from "#shared/contracts/audit.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { Broken } from "./check.ts"
import type { Answer } from "./wire.ts"

export type Word = Outcome["outcome"]
const words: ReadonlyArray<unknown> = ["reserved", "rejected", "cancelled", "mismatch"]

/** The beginning of an answer, for one line. */
export const excerpt = (value: unknown): string => {
  const text = printable(typeof value === "string" ? value : JSON.stringify(value) ?? "nothing")
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}

/** A time in the format of RFC 3339. */
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

type Fields = Readonly<Record<string, unknown>>

/** The object in an answer that has to be 200. */
export const objectOf = ({ status, text }: Answer): Fields => {
  if (status !== 200) throw new Broken(`It answered ${status}: ${excerpt(text)}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Broken(
      `It answered something that is not JSON: ${excerpt(text === "" ? "nothing" : text)}`,
    )
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields
  throw new Broken(`It answered JSON that is not an object: ${excerpt(value)}`)
}

export const listOf = (answer: Answer, field: string): ReadonlyArray<unknown> => {
  const value = objectOf(answer)[field]
  if (Array.isArray(value)) return value
  throw new Broken(`It answered without a list "${field}": ${excerpt(answer.text)}`)
}

/** The answers to the commands: one outcome for each, in the order of the commands. */
export const outcomesOf = (
  commands: ReadonlyArray<Command>,
  answer: Answer,
): ReadonlyArray<Word> => {
  const outcomes = listOf(answer, "outcomes") as ReadonlyArray<Fields | null>
  const asked = commands.map(({ orderId }) => orderId)
  const answered = outcomes.map((outcome) => outcome?.["orderId"])
  const why = notOneForEach(asked, answered)
  if (why !== undefined) throw new Broken(why)
  return outcomes.map((outcome) => {
    const word = outcome?.["outcome"]
    if (words.includes(word)) return word as Word
    throw new Broken(
      `It answered the outcome ${excerpt(word)}, which does not exist. The outcomes are ${
        words.join(", ")
      }`,
    )
  })
}

const notOneForEach = (
  asked: ReadonlyArray<string>,
  answered: ReadonlyArray<unknown>,
): string | undefined => {
  const at = asked.findIndex((orderId, n) => answered[n] !== orderId)
  if (at === -1 && asked.length === answered.length) return undefined
  const times = (ids: ReadonlyArray<unknown>, id: unknown) => ids.filter((one) => one === id).length
  const often = answered.find((id) => times(answered, id) > times(asked, id))
  const never = asked.find((id) => times(answered, id) < times(asked, id))
  const counts = `${asked.length} commands with ${answered.length} outcomes`
  if (often === undefined && never === undefined) {
    return `It answered ${counts} in another sequence than the commands: the first difference is order ${
      asked[at]
    }, command ${at + 1}`
  }
  const doubled = often === undefined ? [] : [
    `order ${excerpt(often)} ${times(answered, often)} times, asked ${times(asked, often)} times`,
  ]
  const left = never === undefined ? [] : [
    `order ${never} ${times(answered, never)} times, asked ${times(asked, never)} times`,
  ]
  return `It answered ${counts}: ${[...doubled, ...left].join("; ")}`
}

/** A page of the audit. Every page has complete entries, newest order first, and no order twice. */
export const pageOf = (answer: Answer): ReadonlyArray<Recorded> => {
  const entries = listOf(answer, "reservations") as ReadonlyArray<Fields | null>
  for (const entry of entries) {
    const { orderId, outcome, resource, quantity, recordedAt } = entry ?? {}
    const isWhole = typeof orderId === "string" && words.includes(outcome) &&
      outcome !== "mismatch" && typeof resource === "string" && Number.isSafeInteger(quantity) &&
      typeof recordedAt === "string" && instant.test(recordedAt)
    if (!isWhole) throw new Broken(`A record is incomplete or wrong: ${excerpt(entry)}`)
  }
  const page = entries as unknown as ReadonlyArray<Recorded>
  const late = page.findIndex(({ orderId }, n) => n > 0 && orderId >= page[n - 1]!.orderId)
  if (late !== -1) {
    throw new Broken(
      `A page is not sorted, newest order first: ${page[late]!.orderId} comes after ${
        page[late - 1]!.orderId
      }`,
    )
  }
  return page
}
