/**
 * Group commit: whoever waits for a round trip or an fsync shares it. While one batch is out the next one gathers, and
 * goes the moment a worker is free; there is no timer, so a lone entry waits for nothing. What is queued is bounded, and
 * whoever comes when it is full waits.
 */
import { Deferred, Effect, Exit, Queue, type Scope } from "effect"

export interface GroupCommitOptions<I, O, E> {
  /** The most entries in one batch. */
  readonly max: number
  /** How many batches may be out at once. */
  readonly workers: number
  /** Handles a batch and answers each entry, in order. When it fails, every entry of the batch fails with it. */
  readonly run: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, E>
}

/** Makes the function that hands in one entry and waits for its answer. When the scope closes, the batches that are
 * out are seen through; whoever else waits or comes later is interrupted. */
export const groupCommit = <I, O, E>(
  { max, workers, run }: GroupCommitOptions<I, O, E>,
): Effect.Effect<(entry: I) => Effect.Effect<O, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    interface Waiting {
      readonly entry: I
      readonly answer: Deferred.Deferred<O, E>
    }
    const queue = yield* Queue.bounded<Waiting>(max * workers * 4)
    const handle = (batch: ReadonlyArray<Waiting>) =>
      Effect.suspend(() => run(batch.map(({ entry }) => entry))).pipe(
        Effect.exit,
        Effect.map((exit) =>
          batch.forEach(({ answer }, n) =>
            Deferred.doneUnsafe(answer, Exit.map(exit, (answers) => answers[n] as O))
          )
        ),
      )
    const worker = Queue.takeBetween(queue, 1, max).pipe(
      // Once taken, a batch is seen through: its entries have nobody else.
      Effect.flatMap((batch) => Effect.uninterruptible(handle(batch))),
      Effect.forever,
    )
    const dismissAll = Queue.clear(queue).pipe(
      Effect.map((left) => {
        for (const { answer } of left) Deferred.doneUnsafe(answer, Exit.interrupt())
        return left.length > 0
      }),
      // The room that this made is taken by those who waited for it.
      Effect.repeat({ while: (more) => more }),
    )
    yield* Effect.addFinalizer(() => Effect.andThen(dismissAll, Queue.shutdown(queue)))
    yield* Effect.forEach(Array.from({ length: workers }), () => Effect.forkScoped(worker))
    return (entry) =>
      Effect.suspend(() => {
        const answer = Deferred.makeUnsafe<O, E>()
        return Effect.flatMap(
          Queue.offer(queue, { entry, answer }),
          (open) => open ? Deferred.await(answer) : Exit.interrupt(),
        )
      })
  })
