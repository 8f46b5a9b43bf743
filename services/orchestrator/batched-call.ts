/**
 * A call that sagas share by group commit: what many of them want of one service at the same time goes out in one request,
 * and each of them gets the answer to its own entry.
 */
import { Effect, Option, type Scope } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { type Callee, post } from "#shared/http/client.ts"
import { type Transient, Unknown } from "#shared/transient.ts"

interface OfOrder {
  readonly orderId: OrderId
}

export interface BatchedCall<I, O> {
  readonly path: string
  readonly body: (entries: ReadonlyArray<I>) => unknown
  /** The answers in a response, if it is one. */
  readonly answers: (response: unknown) => Option.Option<ReadonlyArray<O>>
}

/** Makes the function that calls for one entry. It fails with Unavailable or Unknown. */
export const batchedCall = <I extends OfOrder, O extends OfOrder>(
  callee: Callee,
  { path, body, answers }: BatchedCall<I, O>,
): Effect.Effect<(entry: I) => Effect.Effect<O, Transient>, never, Scope.Scope> => {
  const call = Effect.fnUntraced(function* (entries: ReadonlyArray<I>) {
    const given = Option.getOrElse(answers(yield* post(callee, path, body(entries))), () => [])
    // Answers come in the order of the entries; of any others nobody could tell whose they are.
    if (entries.every(({ orderId }, n) => given[n]?.orderId === orderId)) return given
    return yield* new Unknown({ message: `${callee.name} answered what can not be understood` })
  })
  const run = saidOnce(callee.name)
  return groupCommit<I, O, Transient>({
    max: maxBatch,
    run: (entries) => run(call(entries)),
  })
}

/** Says in the log when a service stops answering, and when it answers again: sagas try on without a word. */
const saidOnce = (name: string) => {
  let answering = true
  const became = (now: boolean, said: Effect.Effect<void>) =>
    Effect.suspend(() => {
      if (answering === now) return Effect.void
      answering = now
      return said
    })
  return <A>(call: Effect.Effect<A, Transient>) =>
    call.pipe(
      Effect.tap(() => became(true, Effect.logInfo(`${name} answers again`))),
      Effect.tapError(({ message }) => became(false, Effect.logWarning(message))),
    )
}
