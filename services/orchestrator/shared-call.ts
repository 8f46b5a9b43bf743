/**
 * A call that waves share by group commit: what several of them want of one service at the same time goes out in one request,
 * one at a time, and each order gets the answer to its own entry.
 */
import { Effect, Option, Result, type Scope } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { type Callee, type CallFailure, postBatch, Refused } from "#shared/http/client.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { Misconfigured, Unavailable, Unknown } from "#shared/transient.ts"
import { Callees } from "./callees.ts"

interface OfOrder {
  readonly orderId: OrderId
}

export interface SharedCall<O> {
  readonly path: string
  /** The field of the request that holds its entries. */
  readonly field: string
  /** The answers in a response, if it is one. */
  readonly answers: (response: unknown) => Option.Option<ReadonlyArray<O>>
}

type Call<I, O> = (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, CallFailure>

/** Makes the function that calls for several entries, at most `maxBatch`. */
export const sharedCall = <I extends OfOrder, O extends OfOrder>(
  callee: Callee,
  { path, field, answers }: SharedCall<O>,
): Effect.Effect<
  (entries: ReadonlyArray<I>) => Effect.Effect<Answers<O>>,
  never,
  Callees | Scope.Scope
> =>
  Effect.gen(function* () {
    const watch = yield* (yield* Callees).watch(callee.name)
    const call: Call<I, O> = (entries) =>
      postBatch(callee, path, { [field]: entries }).pipe(
        Effect.flatMap((response) => {
          const given = Option.getOrElse(answers(response), () => [])
          // Answers come in the order of the entries; of any others nobody could tell whose they are.
          return entries.every(({ orderId }, n) => given[n]?.orderId === orderId)
            ? Effect.succeed(given)
            : new Unknown({ message: `${callee.name} answered what cannot be understood` })
        }),
        watch,
      )
    return yield* groupCommit<ReadonlyArray<I>, Answers<O>, never>({
      max: maxBatch,
      size: (entries) => entries.length,
      run: (lists) =>
        Effect.map(answersOf(callee.name, call, lists.flat()), (all) => {
          let at = 0
          return lists.map(({ length }) => all.slice(at, at += length))
        }),
    })
  })

/** So many entries are refused one by one, and none accepted, until the service is taken to refuse all. */
const refusedForNothing = 8

/**
 * What becomes of each entry. A request that is refused as a whole is halved until the entry is found that is refused alone;
 * so is one that the service breaks on (500), unless both of its halves break it, too: then it is not an entry's doing.
 */
const answersOf = <I, O>(
  name: string,
  call: Call<I, O>,
  entries: ReadonlyArray<I>,
): Effect.Effect<Answers<O>> => {
  const refusesAll = new Misconfigured({
    message: `${name} refuses every request: check that both are of the same version`,
  })
  let accepted = 0
  let refused = 0
  const all = (part: ReadonlyArray<I>, failure: CallFailure) => {
    if (failure instanceof Refused) refused += part.length
    return part.map(() => failure)
  }
  const send = (part: ReadonlyArray<I>) =>
    Effect.suspend(() => {
      if (accepted === 0 && refused >= refusedForNothing) return Effect.fail(refusesAll)
      return Effect.tap(call(part), () => Effect.sync(() => accepted += part.length))
    })
  const resolve = Effect.fnUntraced(function* (
    part: ReadonlyArray<I>,
    result: Result.Result<ReadonlyArray<O>, CallFailure>,
  ): Effect.fn.Return<Answers<O>> {
    if (Result.isSuccess(result)) return result.success
    const { failure } = result
    const breaks = failure instanceof Unavailable && failure.status === 500
    if (part.length === 1 || !(breaks || failure instanceof Refused)) return all(part, failure)
    const middle = part.length >> 1
    const [left, right] = [part.slice(0, middle), part.slice(middle)]
    const first = yield* Effect.result(send(left))
    const second = yield* Effect.result(send(right))
    if (breaks && Result.isFailure(first) && Result.isFailure(second)) return all(part, failure)
    return [...(yield* resolve(left, first)), ...(yield* resolve(right, second))]
  })
  return Effect.flatMap(Effect.result(send(entries)), (result) => resolve(entries, result)).pipe(
    Effect.map((answers) =>
      entries.length > 1 && accepted === 0 && refused > 0
        ? answers.map((answer) => answer instanceof Refused ? refusesAll : answer)
        : answers
    ),
  )
}
