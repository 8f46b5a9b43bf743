/**
 * A call that waves share by group commit: what several of them want of one service at the same time goes out in one request,
 * one at a time, and each order gets the answer to its own entry.
 */
import { Effect, Option, Random, Result, type Scope } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { type Callee, type CallFailure, postBatch, Refused } from "#shared/http/client.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { Misconfigured, Unavailable, Unknown } from "#shared/transient.ts"
import { Callees, type Watch } from "./callees.ts"

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
          const areTheirs = given.length === entries.length &&
            entries.every(({ orderId }, n) => given[n]!.orderId === orderId)
          return areTheirs
            ? Effect.succeed(given)
            : new Unknown({ message: `${callee.name} answered what cannot be understood` })
        }),
        watch,
      )
    const resolve = resolving(callee.name, call, watch)
    return yield* groupCommit<ReadonlyArray<I>, Answers<O>, never>({
      max: maxBatch,
      size: (entries) => entries.length,
      run: (lists) =>
        Effect.map(resolve(lists.flat()), (all) => {
          let at = 0
          return lists.map(({ length }) => all.slice(at, at += length))
        }),
    })
  })

/** When so many entries fail one by one, and none is taken, it is not their doing. */
const failedForNothing = 8

/**
 * Makes what finds out what becomes of each entry. A request that is refused as a whole, or that the service breaks on (500),
 * is halved until each entry is found that fails alone. A service that takes none at all is soon left alone; and when so
 * many orders were refused since it took the last one, in this request or before, they are not to blame for it.
 */
const resolving = <I extends OfOrder, O>(name: string, call: Call<I, O>, watch: Watch) => {
  const refusesAll = new Misconfigured({
    message: `${name} refuses every request: check that both are of the same version`,
  })
  const refused = new Set<OrderId>()
  return Effect.fnUntraced(function* (entries: ReadonlyArray<I>) {
    let taken = false
    let failed = 0
    let gaveUp = false
    const send = (part: ReadonlyArray<I>) =>
      Effect.result(Effect.tap(call(part), () => Effect.sync(() => taken = true)))
    const resolve = Effect.fnUntraced(function* (
      part: ReadonlyArray<I>,
      result: Result.Result<ReadonlyArray<O>, CallFailure>,
    ): Effect.fn.Return<Answers<O>> {
      if (Result.isSuccess(result)) return result.success
      const { failure } = result
      const isRefused = failure instanceof Refused
      const isBroken = failure instanceof Unavailable && failure.status === 500
      if (!isRefused && !isBroken) return part.map(() => failure)
      if (part.length === 1) {
        failed++
        if (isRefused && refused.size < failedForNothing) refused.add(part[0]!.orderId)
        return [failure]
      }
      if (!taken && failed >= failedForNothing) {
        gaveUp = true
        return part.map(() => failure)
      }
      const middle = part.length >> 1
      const [left, right] = [part.slice(0, middle), part.slice(middle)]
      const first = yield* send(left)
      const second = yield* send(right)
      return [...(yield* resolve(left, first)), ...(yield* resolve(right, second))]
    })
    const whole = yield* send(entries)
    const answers = Result.isSuccess(whole)
      ? whole.success
      : yield* mixed(entries, (entries) => resolve(entries, whole))
    if (taken) refused.clear()
    const isToBlame = !gaveUp && refused.size < failedForNothing
    if (isToBlame || !answers.some((answer) => answer instanceof Refused)) return answers
    yield* Effect.ignore(watch(Effect.fail(refusesAll)))
    return answers.map((answer) => answer instanceof Refused ? refusesAll : answer)
  })
}

/** Works on the entries in another order each time: what is given up for those in front keeps nobody behind them for ever. */
const mixed = Effect.fnUntraced(function* <I, A>(
  entries: ReadonlyArray<I>,
  work: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<A>>,
) {
  const others = yield* Random.shuffle(entries)
  const answers = yield* work(others)
  const answerTo = new Map(others.map((entry, n) => [entry, answers[n]!]))
  return entries.map((entry) => answerTo.get(entry)!)
})
