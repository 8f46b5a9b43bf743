/**
 * Group commit: whoever waits for a round trip or an fsync shares it. While a batch is out the next one gathers, and goes
 * the moment that one is back; there is no timer, so a lone entry waits for nothing. Two batches out at once would be half
 * as large, and what they cost is what everybody waits for. Each entry has a caller that waits for it, so there are never
 * more entries than callers.
 */
import { Effect, Exit, Latch, type Scope } from "effect"

export interface GroupCommitOptions<I, O, E> {
  /** The most entries in one batch, each counted as its size. */
  readonly max: number
  /** How much an entry counts; 1 if absent. */
  readonly size?: (entry: I) => number
  /** Handles a batch and answers each entry, in order. When it fails, every entry of the batch fails with it. */
  readonly run: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, E>
}

/** Makes the function that hands in one entry and waits for its answer. When the scope closes, the batch that is out is
 * seen through; whoever else waits or comes later is interrupted. */
export const groupCommit = <I, O, E>(
  { max, size = () => 1, run }: GroupCommitOptions<I, O, E>,
): Effect.Effect<(entry: I) => Effect.Effect<O, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    interface Waiting {
      readonly entry: I
      readonly answer: (exit: Effect.Effect<O, E>) => void
    }
    const waiting: Array<Waiting> = []
    const some = yield* Latch.make()
    let closed = false
    const handle = (batch: ReadonlyArray<Waiting>) =>
      Effect.suspend(() => run(batch.map(({ entry }) => entry))).pipe(
        Effect.exit,
        Effect.map((exit) =>
          batch.forEach(({ answer }, n) => answer(Exit.map(exit, (answers) => answers[n] as O)))
        ),
      )
    const goOn = some.await.pipe(
      // Whoever is about to hand in an entry in the same turn still comes along.
      Effect.andThen(Effect.yieldNow),
      Effect.flatMap(() => {
        const batch = waiting.splice(0, fitting(waiting.map(({ entry }) => size(entry)), max))
        if (waiting.length === 0) some.closeUnsafe()
        // Once taken, a batch is seen through: its entries have nobody else.
        return batch.length === 0 ? Effect.void : Effect.uninterruptible(handle(batch))
      }),
      Effect.forever,
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        for (const { answer } of waiting.splice(0)) answer(Exit.interrupt())
      })
    )
    yield* Effect.forkScoped(goOn)
    return (entry) =>
      Effect.callback((answer) => {
        if (closed) return answer(Exit.interrupt())
        waiting.push({ entry, answer })
        some.openUnsafe()
      })
  })

/** How many of the first ones go into a batch: one at the least. */
const fitting = (sizes: ReadonlyArray<number>, max: number): number => {
  let sum = 0
  const end = sizes.findIndex((size) => (sum += size) > max)
  return end < 0 ? sizes.length : Math.max(1, end)
}
