/**
 * Finds the answer to each entry of a request, also when the request fails as a whole: one order's
 * failure never becomes another's. Entries that failed together are sent in smaller parts, down to
 * one entry, apart from all others and after them. So an entry that makes its requests fail is soon
 * alone, whatever the reason.
 */
import { Effect, Result } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { Misconfigured, OutcomeUnknown, Unavailable } from "#shared/transient.ts"
import type { Watch } from "./callees.ts"
import { makeSuspects, type OfOrder } from "./suspects.ts"

export type Call<I, O> = (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, CallFailure>

/** After this many entries were refused one by one and none accepted, the service is to blame. */
const failedForNothing = 8

/**
 * When the service is unavailable to this many parts in a row, or leaves one without an answer, the
 * other parts are sent later, too.
 */
const unavailableInARow = 4

/**
 * The factor by which a failure shrinks parts. A part without an answer costs a whole timeout, so
 * there should be few of them.
 */
const smallerBy = (failure: CallFailure): number => failure instanceof OutcomeUnknown ? 8 : 2

/**
 * Whether the service refuses the contents of the request, or fails on them. It repeats this until
 * each entry that causes it is alone.
 */
const isOfContents = (failure: CallFailure): boolean =>
  failure instanceof Refused || (failure instanceof Unavailable && failure.status === 500)

/**
 * Makes `resolve`, which calls and never fails, and `suspects`, which tells which entries failed
 * before. What fails by its contents is sent in smaller parts at once, everything else at the next
 * attempt. When `failedForNothing` orders were refused since the service last accepted one, in this
 * request or before, the service is to blame.
 */
export const resolving = <I extends OfOrder, O>(name: string, call: Call<I, O>, watch: Watch) => {
  const refusesAll = new Misconfigured({
    message: `${name} refuses every request: check that both are of the same version`,
  })
  const refused = new Set<OrderId>()
  const suspects = makeSuspects()

  const send = (part: ReadonlyArray<I>) =>
    Effect.map(Effect.result(call(part)), (result) => {
      if (Result.isSuccess(result)) suspects.remove(part)
      else suspects.add(part, Math.ceil(part.length / smallerBy(result.failure)))
      return result
    })

  const inParts = Effect.fnUntraced(function* (entries: ReadonlyArray<I>) {
    let turns = yield* suspects.inTurn(entries)
    const answers: Array<O | CallFailure> = []
    let taken = false
    let alone = 0
    let inARow = 0
    while (answers.length < turns.length) {
      const part = suspects.part(turns, answers.length)
      const result = yield* send(part)
      if (Result.isSuccess(result)) {
        answers.push(...result.success)
        taken = true
        inARow = 0
        continue
      }
      const { failure } = result
      const ofContents = isOfContents(failure)
      if (ofContents && part.length > 1) {
        if (turns === entries) turns = yield* suspects.inTurn(entries)
        continue
      }
      // More than that would only pile up while the service refuses everything.
      if (failure instanceof Refused && refused.size < failedForNothing) {
        refused.add(part[0]!.orderId)
      }
      answers.push(...part.map(() => failure))
      const goesOn = ofContents
        ? taken || ++alone < failedForNothing
        : failure instanceof Unavailable && ++inARow < unavailableInARow
      if (goesOn) continue
      const others = failure instanceof Refused ? refusesAll : failure
      while (answers.length < turns.length) answers.push(others)
    }
    if (taken) refused.clear()
    return turns === entries ? answers : inOrder(entries, turns, answers)
  })

  const resolve = Effect.fnUntraced(function* (
    entries: ReadonlyArray<I>,
  ): Effect.fn.Return<Answers<O>> {
    const answers = yield* inParts(entries)
    const whoIsRefused = entries.filter((_, n) => answers[n] instanceof Refused)
    if (whoIsRefused.length === 0) return answers
    if (refused.size < failedForNothing) {
      suspects.remove(whoIsRefused)
      return answers
    }
    yield* Effect.ignore(watch(Effect.fail(refusesAll)))
    return answers.map((answer) => answer instanceof Refused ? refusesAll : answer)
  })
  return { resolve, suspects: suspects.among }
}

/** The answers, given in the order of `turns`, in the order of the entries. */
export const inOrder = <I, A>(
  entries: ReadonlyArray<I>,
  turns: ReadonlyArray<I>,
  answers: ReadonlyArray<A>,
): ReadonlyArray<A> => {
  const answerTo = new Map(turns.map((entry, n) => [entry, answers[n]!]))
  return entries.map((entry) => answerTo.get(entry)!)
}
