/**
 * Reads the answers of other services, or says in words how one breaks the protocol. Whatever was
 * answered, the request may have taken effect: the failure stays OutcomeUnknown, and the request is
 * retried. But a person has to correct the service.
 */
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { OutcomeUnknown } from "#shared/transient.ts"
import type { OfOrder } from "./suspects.ts"

/** The paragraphs of docs/protocol.md that define the answers. */
export type Paragraph = "the-answer" | "audit" | "retention"

/** Causes are shown in a table and in log lines, and orders with the same cause form a group. */
const longestFault = 200
const longestValue = 40

/**
 * Fails with what is wrong: `fault` completes a sentence that begins with the service's name. `of`
 * is added to the log line.
 */
export const breach = (
  name: string,
  fault: string,
  of: Readonly<Record<string, string>> = {},
): Effect.Effect<never, OutcomeUnknown> =>
  Effect.fail(
    new OutcomeUnknown({ message: `${name} ${fault.slice(0, longestFault)}`, breach: of }),
  )

/** Adds to each breach where to read the protocol, if it is a written protocol. */
export const saidIn = (paragraph: Paragraph | undefined) => <A, E>(call: Effect.Effect<A, E>) =>
  paragraph === undefined
    ? call
    : Effect.mapError(call, (failure) =>
      failure instanceof OutcomeUnknown && failure.breach !== undefined
        ? new OutcomeUnknown({
          message: `${failure.message} (docs/protocol.md#${paragraph})`,
          breach: failure.breach,
        })
        : failure)

/** Reads answers of that schema; unknown fields are left out. Fails with a breach. */
export const understood = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (name: string, answer: unknown): Effect.Effect<A, OutcomeUnknown> => {
    const decoded = decode(answer)
    return Result.isSuccess(decoded)
      ? Effect.succeed(decoded.success)
      : breach(name, faultIn(answer, decoded.failure))
  }
}

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * The first thing that is wrong. Ids of orders are left out, since each would make another cause.
 */
const faultIn = (answer: unknown, { issue }: Schema.SchemaError): string => {
  const [first] = issuesOf(issue).issues
  const path = (first?.path ?? []).map((part) => typeof part === "object" ? part.key : part)
  const message = first?.message ?? "Expected something else"
  const place = path.join(".")
  if (message === "Missing key") return `answered without ${place}`
  const value = place.endsWith("orderId") ? "something else" : shown(valueAt(answer, path))
  return `answered ${place === "" ? value : `${place} as ${value}`}: ${message.replace(/^E/, "e")}`
}

const valueAt = (answer: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce(
    (value, key) => (value as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    answer,
  )

const shown = (value: unknown): string => {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[...]" : "{...}"
  return String(JSON.stringify(value)).slice(0, longestValue)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?")
}

export interface BatchOptions<I, O> {
  /** Reads the answers out of a response. */
  readonly read: (
    name: string,
    response: unknown,
  ) => Effect.Effect<ReadonlyArray<O>, OutcomeUnknown>
  /** What an entry and its answer are called. */
  readonly entry: string
  readonly answer: string
  /** What else may be wrong with the answer to an entry. */
  readonly faultOf?: (entry: I, answer: O) => string | undefined
}

/**
 * Reads the answers to the entries of a request. They must come in the order of the entries, since
 * nothing else tells which entry each belongs to. Fails with a breach.
 */
export const answersTo =
  <I extends OfOrder, O extends OfOrder>({ read, ...given }: BatchOptions<I, O>) =>
  (
    name: string,
    entries: ReadonlyArray<I>,
    response: unknown,
  ): Effect.Effect<ReadonlyArray<O>, OutcomeUnknown> =>
    Effect.flatMap(read(name, response), (answers) => {
      if (answers.length !== entries.length) {
        const said = counted(answers.length, given.answer)
        return breach(name, `answered ${said} to ${counted(entries.length, given.entry)}`)
      }
      for (let n = 0; n < entries.length; n++) {
        const entry = entries[n]!
        const answer = answers[n]!
        if (answer.orderId !== entry.orderId) {
          const { orderId } = answer
          const of = { place: `${n + 1}`, asked: entry.orderId, answered: orderId }
          return breach(name, strangerAt(orderId, entries, answers), of)
        }
        const fault = given.faultOf?.(entry, answer)
        if (fault !== undefined) return breach(name, fault, { orderId: entry.orderId })
      }
      return Effect.succeed(answers)
    })

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

/** What is wrong when an answer is for another order than the entry in its place. */
const strangerAt = (
  orderId: string,
  entries: ReadonlyArray<OfOrder>,
  answers: ReadonlyArray<OfOrder>,
): string => {
  if (!entries.some((entry) => entry.orderId === orderId)) {
    return "answered for an order that it was not asked about in this request"
  }
  const ids = new Set(answers.map((answer) => answer.orderId))
  return entries.every((entry) => ids.has(entry.orderId))
    ? "answered in another sequence than it was asked"
    : "answered twice for an order, and not for another one"
}
