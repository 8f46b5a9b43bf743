/**
 * Group commit: callers that wait for a round trip or an fsync share it. While a batch is in
 * flight, the next one gathers, and it leaves as soon as that one returns. There is no timer, so a
 * lone entry never waits. Two batches in flight at a time would each be half as large, and cost as
 * much as two full ones. If a caller is interrupted, its entry is dropped unless it was taken
 * already.
 */
import { Clock, Effect, Exit, Latch, type Scope } from "effect"

export interface GroupCommitOptions<I, O, E> {
  /** The most in one batch, by size. A larger entry goes alone. */
  readonly max: number
  /** The size of an entry; 1 by default. */
  readonly size?: (entry: I) => number
  /**
   * The most that may wait, by size, and the error of entries beyond that, which fail at once. An
   * entry that has waited for `longestMs` when a batch returns fails, too, since its caller gives
   * up before its turn comes. Not needed if the number of callers is limited.
   */
  readonly waiting?: { readonly most: number; readonly longestMs: number; readonly full: E }
  /**
   * Handles a batch and answers each entry, in order. If it fails, every entry of the batch fails
   * with its error.
   */
  readonly run: (entries: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, E>
}

interface Waiting<I, O, E> {
  readonly entry: I
  readonly size: number
  readonly sinceMs: number
  readonly answer: (exit: Effect.Effect<O, E>) => void
}

/** The queue of waiting entries, first in, first out. */
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
    /** Takes the entries that came at `untilMs` or before. */
    takeLate: (untilMs: number): ReadonlyArray<W> => {
      const late: Array<W> = []
      for (const one of line) {
        if (one.sinceMs > untilMs) break
        late.push(one)
        leave(one)
      }
      return late
    },
    /** Takes the first entries, as many as fit. */
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

/**
 * Makes the function that submits an entry and waits for its answer. When the scope closes, the
 * batch in flight is finished; all other callers are interrupted.
 */
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
      // Entries submitted in the same turn of the event loop still join the batch.
      Effect.andThen(Effect.yieldNow),
      Effect.flatMap(() => {
        refuseLate()
        const batch = line.take(max)
        if (line.length() === 0) some.closeUnsafe()
        // Uninterruptible: nobody else answers the entries of a batch that was taken.
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
