/**
 * What becomes of each entry of a request, also when the request fails as a whole: one order's fate never becomes another's.
 * A request that fails makes the next ones smaller, down to one entry; one that is answered makes them larger again, as in
 * TCP's slow start (RFC 5681). So whatever it is that an entry makes its requests fail with, it is soon alone, and a service
 * that comes back is not met by all at once.
 */
import { Effect, Random, Result } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { Misconfigured, Unavailable, Unknown } from "#shared/transient.ts"
import type { Watch } from "./callees.ts"

export interface OfOrder {
  readonly orderId: OrderId
}

export type Call<I, O> = (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, CallFailure>

/** When so many entries fail one by one, and none is taken, it is not their doing. */
const failedForNothing = 8

/** When the service is unavailable to so many parts in a row, or gives one no answer, the others are tried later, too. */
const unavailableInARow = 4

/** How much smaller a failure makes requests. One without an answer costs a whole time-out, so there should be few of them. */
const smallerBy = (failure: CallFailure): number => failure instanceof Unknown ? 8 : 2

/** Whether the service refuses what the request holds, or breaks on it: it does so until each entry is alone that does it. */
const isOfContents = (failure: CallFailure): boolean =>
  failure instanceof Refused || (failure instanceof Unavailable && failure.status === 500)

/**
 * Makes the function that calls, and never fails. What fails by its contents goes out in smaller parts at once, everything
 * else when it is tried again. When so many orders were refused since the service took the last one, in this request or
 * before, they are not to blame for it.
 */
export const resolving = <I extends OfOrder, O>(name: string, call: Call<I, O>, watch: Watch) => {
  const refusesAll = new Misconfigured({
    message: `${name} refuses every request: check that both are of the same version`,
  })
  const refused = new Set<OrderId>()
  const suspects = makeSuspects()
  let size = maxBatch

  const send = (part: ReadonlyArray<I>) =>
    Effect.map(Effect.result(call(part)), (result) => {
      if (Result.isSuccess(result)) {
        size = Math.min(maxBatch, 2 * size)
        suspects.remove(part)
        return result
      }
      suspects.add(part)
      // One that fails alone says nothing of others.
      if (part.length > 1) size = Math.ceil(part.length / smallerBy(result.failure))
      else if (result.failure instanceof Refused) refused.add(part[0]!.orderId)
      return result
    })

  const inParts = Effect.fnUntraced(function* (entries: ReadonlyArray<I>) {
    const answers: Array<O | CallFailure> = []
    let taken = false
    let alone = 0
    let inARow = 0
    while (answers.length < entries.length) {
      const part = entries.slice(answers.length, answers.length + size)
      const result = yield* send(part)
      if (Result.isSuccess(result)) {
        answers.push(...result.success)
        taken = true
        inARow = 0
        continue
      }
      const { failure } = result
      const ofContents = isOfContents(failure)
      if (ofContents && part.length > 1) continue
      answers.push(...part.map(() => failure))
      const goesOn = ofContents
        ? taken || ++alone < failedForNothing
        : failure instanceof Unavailable && ++inARow < unavailableInARow
      if (goesOn) continue
      const others = failure instanceof Refused ? refusesAll : failure
      while (answers.length < entries.length) answers.push(others)
    }
    if (taken) refused.clear()
    return answers
  })

  return Effect.fnUntraced(function* (entries: ReadonlyArray<I>): Effect.fn.Return<Answers<O>> {
    const whole = entries.length > size ? undefined : yield* send(entries)
    if (whole !== undefined && Result.isSuccess(whole)) {
      refused.clear()
      return whole.success
    }
    const isWhole = whole !== undefined && (entries.length === 1 || !isOfContents(whole.failure))
    const answers = isWhole
      ? entries.map(() => whole.failure)
      : yield* inOrder(entries, yield* suspects.last(entries), inParts)
    const whoIsRefused = entries.filter((_, n) => answers[n] instanceof Refused)
    if (whoIsRefused.length === 0) return answers
    if (refused.size < failedForNothing) {
      suspects.remove(whoIsRefused)
      return answers
    }
    yield* Effect.ignore(watch(Effect.fail(refusesAll)))
    return answers.map((answer) => answer instanceof Refused ? refusesAll : answer)
  })
}

/** Which orders were in a request that failed, until they are in one that does not. */
const makeSuspects = () => {
  let failures = 0
  const failedAt = new Map<OrderId, number>()
  const rank = ({ orderId }: OfOrder) => failedAt.get(orderId) ?? 0
  return {
    add: (part: ReadonlyArray<OfOrder>) => {
      failures++
      for (const { orderId } of part) failedAt.set(orderId, failures)
    },
    remove: (part: ReadonlyArray<OfOrder>) => {
      if (failedAt.size > 0) { for (const { orderId } of part) failedAt.delete(orderId) }
    },
    /** The entries as they go out: last those that failed last, so that nobody waits behind them for ever. */
    last: <I extends OfOrder>(entries: ReadonlyArray<I>) =>
      Effect.map(Random.shuffle(entries), (mixed) => mixed.sort((a, b) => rank(a) - rank(b))),
  }
}

/** Works on the entries in another order, and gives the answers in theirs. */
const inOrder = <I, A>(
  entries: ReadonlyArray<I>,
  others: ReadonlyArray<I>,
  work: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<A>>,
) =>
  Effect.map(work(others), (answers) => {
    const answerTo = new Map(others.map((entry, n) => [entry, answers[n]!]))
    return entries.map((entry) => answerTo.get(entry)!)
  })
