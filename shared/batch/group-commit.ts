/**
 * Group commit: whoever waits for a round trip or an fsync shares it. While a batch is out the next one gathers, and goes
 * the moment that one is back; there is no timer, so a lone entry waits for nothing. Two batches out at once would be half
 * as large, and what they cost is what everybody waits for. Each entry has a caller that waits for it: of one that is
 * interrupted, the entry is dropped unless it was taken already.
 */
import { Clock, Effect, Exit, Latch, type Scope } from "effect"

export interface GroupCommitOptions<I, O, E> {
  /** The most in one batch, by size. What is larger goes alone. */
  readonly max: number
  /** What an entry counts for; 1 unless it says otherwise. */
  readonly size?: (entry: I) => number
  /**
   * The most that may wait, by size, and what an entry that would be more fails with, at once; one that has waited for
   * `longestMs` when a batch returns fails so, too, since its caller gives up before its turn comes. Needless where callers
   * are few by themselves.
   */
  readonly waiting?: { readonly most: number; readonly longestMs: number; readonly full: E }
  /** Handles a batch and answers each entry, in order. When it fails, every entry of the batch fails with it. */
  readonly run: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, E>
}

interface Waiting<I, O, E> {
  readonly entry: I
  readonly size: number
  readonly sinceMs: number
  readonly answer: (exit: Effect.Effect<O, E>) => void
}

/** The line of those that wait, in the order in which they came. */
const makeLine = <W extends { readonly size: number; readonly sinceMs: number }>() => {
  const line = new Set<W>()
  let length = 0
  const leave = (one: W): void => {
    if (line.delete(one)) length -= one.size
  }
  return {
    length: () => length,
    join: (one: W): void => {
      line.add(one)
      length += one.size
    },
    leave,
    /** Takes those that have waited since then or longer. */
    takeLate: (untilMs: number): ReadonlyArray<W> => {
      const late: Array<W> = []
      for (const one of line) {
        if (one.sinceMs > untilMs) break
        late.push(one)
        leave(one)
      }
      return late
    },
    /** Takes the first ones, as many as fit. */
    take: (max: number): ReadonlyArray<W> => {
      const taken: Array<W> = []
      let room = max
      for (const one of line) {
        if (taken.length > 0 && one.size > room) break
        room -= one.size
        taken.push(one)
        leave(one)
      }
      return taken
    },
  }
}

/** Makes the function that hands in one entry and waits for its answer. When the scope closes, the batch that is out is
 * seen through; whoever else waits or comes later is interrupted. */
export const groupCommit = <I, O, E>(
  { max, size = () => 1, waiting, run }: GroupCommitOptions<I, O, E>,
): Effect.Effect<(entry: I) => Effect.Effect<O, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const line = makeLine<Waiting<I, O, E>>()
    const some = yield* Latch.make()
    const clock = yield* Clock.Clock
    const refuseLate = () => {
      if (waiting === undefined) return
      const untilMs = clock.currentTimeMillisUnsafe() - waiting.longestMs
      for (const { answer } of line.takeLate(untilMs)) answer(Effect.fail(waiting.full))
    }
    let closed = false
    const handle = (batch: ReadonlyArray<Waiting<I, O, E>>) =>
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
        refuseLate()
        const batch = line.take(max)
        if (line.length() === 0) some.closeUnsafe()
        // Once taken, a batch is seen through: its entries have nobody else.
        return batch.length === 0 ? Effect.void : Effect.uninterruptible(handle(batch))
      }),
      Effect.forever,
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        for (const { answer } of line.take(Infinity)) answer(Exit.interrupt())
      })
    )
    yield* Effect.forkScoped(goOn)
    return (entry) =>
      Effect.callback((answer) => {
        if (closed) return answer(Exit.interrupt())
        const sinceMs = clock.currentTimeMillisUnsafe()
        const one = { entry, size: size(entry), sinceMs, answer }
        const others = line.length()
        if (waiting !== undefined && others > 0 && others + one.size > waiting.most) {
          return answer(Effect.fail(waiting.full))
        }
        line.join(one)
        some.openUnsafe()
        return Effect.sync(() => line.leave(one))
      })
  })
