import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { groupCommit, type GroupCommitOptions } from "#shared/batch/group-commit.ts"

interface Batch {
  readonly entries: ReadonlyArray<number>
  /** Ends the batch: each entry gets its tenfold as its answer, or all of them fail. */
  readonly end: (failure?: string) => Effect.Effect<void>
}

/**
 * A group commit whose batches stay out until the test ends them, in a scope that the test may
 * close.
 */
const underTest = (
  options: Pick<GroupCommitOptions<number, number, string>, "max" | "size" | "waiting">,
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const over = yield* Deferred.make<never, string>()
    yield* Effect.addFinalizer((exit) =>
      Effect.andThen(Deferred.fail(over, "the test is over"), Scope.close(scope, exit))
    )
    const out: Array<Batch> = []
    const sizes: Array<number> = []
    let most = 0
    const send = yield* groupCommit<number, number, string>({
      ...options,
      run: (entries) =>
        Effect.gen(function* () {
          const answered = yield* Deferred.make<ReadonlyArray<number>, string>()
          const batch = {
            entries,
            end: (failure?: string) =>
              Effect.andThen(
                failure === undefined
                  ? Deferred.succeed(answered, entries.map((n) => n * 10))
                  : Deferred.fail(answered, failure),
                settled,
              ),
          }
          out.push(batch)
          sizes.push(entries.length)
          most = Math.max(most, out.length)
          return yield* Effect.raceFirst(Deferred.await(answered), Deferred.await(over)).pipe(
            Effect.ensuring(Effect.sync(() => out.splice(out.indexOf(batch), 1))),
          )
        }),
    }).pipe(Scope.provide(scope))
    return { send, out, sizes, most: () => most, close: Scope.close(scope, Exit.void) }
  })

/** Lets every fiber run until it waits. */
const settled = Effect.promise(async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
})

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n)

const sendAll = (
  send: (n: number) => Effect.Effect<number, string>,
  entries: ReadonlyArray<number>,
) => Effect.tap(Effect.forEach(entries, (n) => Effect.forkChild(send(n))), () => settled)

const exitsOf = (fibers: ReadonlyArray<Fiber.Fiber<number, string>>) =>
  Effect.forEach(fibers, Fiber.await)

describe("groupCommit", () => {
  it.effect("sends a lone entry at once", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 10 })
      const fibers = yield* sendAll(send, [7])
      assert.deepStrictEqual(out.map(({ entries }) => entries), [[7]])
      yield* out[0]!.end()
      assert.deepStrictEqual(yield* exitsOf(fibers), [Exit.succeed(70)])
    }))

  it.effect("gathers the next batch while one is out, and sends it when that one returns", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 10 })
      const fibers = [...yield* sendAll(send, [1]), ...yield* sendAll(send, numbers(2, 6))]
      assert.deepStrictEqual(out.map(({ entries }) => entries), [[1]])
      yield* out[0]!.end()
      assert.deepStrictEqual(out.map(({ entries }) => entries), [numbers(2, 6)])
      yield* out[0]!.end()
      assert.deepStrictEqual(
        yield* exitsOf(fibers),
        numbers(1, 6).map((n) => Exit.succeed(n * 10)),
      )
    }))

  it.effect("has at most `max` entries in a batch, and one batch out at a time", () =>
    Effect.gen(function* () {
      const { send, out, sizes, most } = yield* underTest({ max: 4 })
      const fibers = yield* sendAll(send, numbers(1, 50))
      while (out.length > 0) yield* out.at(-1)!.end()
      assert.deepStrictEqual(
        yield* exitsOf(fibers),
        numbers(1, 50).map((n) => Exit.succeed(n * 10)),
      )
      assert.strictEqual(most(), 1)
      assert.strictEqual(Math.max(...sizes), 4)
      // Under load batches are full, except those that went out before there was any load.
      assert.isAtMost(sizes.length, 15)
    }))

  it.effect("fails the entries of a batch that fails, and no others", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 2 })
      const fibers = yield* sendAll(send, numbers(1, 6))
      for (const failure of [undefined, "broken", undefined]) yield* out[0]!.end(failure)
      assert.deepStrictEqual(yield* exitsOf(fibers), [
        Exit.succeed(10),
        Exit.succeed(20),
        Exit.fail("broken"),
        Exit.fail("broken"),
        Exit.succeed(50),
        Exit.succeed(60),
      ])
    }))

  it.effect("goes on after a batch that dies or throws", () =>
    Effect.gen(function* () {
      const defect = new Error("a defect")
      const send = yield* groupCommit<number, number, never>({
        max: 10,
        run: ([n]) => {
          if (n === 1) return Effect.die(defect)
          if (n === 2) throw defect
          return Effect.succeed([n! * 10])
        },
      })
      assert.deepStrictEqual(yield* Effect.exit(send(1)), Exit.die(defect))
      assert.deepStrictEqual(yield* Effect.exit(send(2)), Exit.die(defect))
      assert.strictEqual(yield* send(3), 30)
    }))

  it.effect("drops entries whose callers are gone, except those in a batch", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 2 })
      const [inBatch, sharesBatch, waiting, ...others] = yield* sendAll(send, numbers(1, 6))
      yield* Fiber.interruptAll([inBatch!, waiting!])
      const batches: Array<ReadonlyArray<number>> = []
      while (out.length > 0) {
        batches.push(out[0]!.entries)
        yield* out[0]!.end()
      }
      assert.deepStrictEqual(batches, [[1, 2], [4, 5], [6]])
      assert.deepStrictEqual(
        yield* exitsOf([sharesBatch!, ...others]),
        [2, 4, 5, 6].map((n) => Exit.succeed(n * 10)),
      )
    }))

  it.effect("goes on after all waiting callers are gone and a new one comes", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 2 })
      const [first, ...gone] = yield* sendAll(send, numbers(1, 3))
      yield* Fiber.interruptAll(gone)
      yield* out[0]!.end()
      assert.deepStrictEqual(yield* exitsOf([first!]), [Exit.succeed(10)])
      const [later] = yield* sendAll(send, [4])
      yield* out[0]!.end()
      assert.deepStrictEqual(yield* exitsOf([later!]), [Exit.succeed(40)])
    }))

  it.effect("counts entries by their size, and sends an entry that is too large alone", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({ max: 10, size: (n) => n })
      const fibers = yield* sendAll(send, [1, 4, 6, 1, 8, 3, 25, 2, 2])
      const batches: Array<ReadonlyArray<number>> = []
      while (out.length > 0) {
        batches.push(out[0]!.entries)
        yield* out[0]!.end()
      }
      assert.deepStrictEqual(batches, [[1, 4], [6, 1], [8], [3], [25], [2, 2]])
      assert.isTrue((yield* exitsOf(fibers)).every(Exit.isSuccess))
    }))

  it.effect("fails entries beyond the limit at once, until there is room again", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({
        max: 10,
        size: (n) => n,
        waiting: { most: 12, longestMs: 1_000, full: "too much" },
      })
      const [first] = yield* sendAll(send, [1])
      const [seven, six, five] = yield* sendAll(send, [7, 6, 5])
      assert.deepStrictEqual(yield* exitsOf([six!]), [Exit.fail("too much")])
      // Entries that are interrupted or taken make room.
      yield* Fiber.interrupt(seven!)
      const [four] = yield* sendAll(send, [7])
      const [more] = yield* sendAll(send, [1])
      assert.deepStrictEqual(yield* exitsOf([more!]), [Exit.fail("too much")])
      yield* out[0]!.end()
      const [next] = yield* sendAll(send, [5])
      while (out.length > 0) yield* out[0]!.end()
      assert.deepStrictEqual(
        yield* exitsOf([first!, five!, four!, next!]),
        [10, 50, 70, 50].map((n) => Exit.succeed(n)),
      )
    }))

  it.effect("fails entries that waited too long, and goes on with newer ones", () =>
    Effect.gen(function* () {
      const { send, out } = yield* underTest({
        max: 2,
        waiting: { most: 100, longestMs: 10_000, full: "too long" },
      })
      const [first] = yield* sendAll(send, [1])
      const late = yield* sendAll(send, numbers(2, 50))
      yield* TestClock.adjust("1 millis")
      const [young] = yield* sendAll(send, [51])
      yield* TestClock.adjust("9999 millis")
      yield* out[0]!.end("it hangs")
      assert.deepStrictEqual(out.map(({ entries }) => entries), [[51]])
      yield* out[0]!.end()
      assert.deepStrictEqual(yield* exitsOf([first!, ...late, young!]), [
        Exit.fail("it hangs"),
        ...late.map(() => Exit.fail("too long")),
        Exit.succeed(510),
      ])
    }))

  it.effect("finishes the batch that is out when its scope closes, and ends the others", () =>
    Effect.gen(function* () {
      const { send, out, close } = yield* underTest({ max: 2 })
      const fibers = yield* sendAll(send, numbers(1, 15))
      const closing = yield* Effect.forkChild(close)
      yield* settled
      yield* out[0]!.end()
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* exitsOf(fibers), [
        Exit.succeed(10),
        Exit.succeed(20),
        ...numbers(3, 15).map(() => Exit.interrupt()),
      ])
      assert.deepStrictEqual(out, [])
    }))

  it.effect("ends callers that come after its scope has closed", () =>
    Effect.gen(function* () {
      const { send, close } = yield* underTest({ max: 2 })
      yield* close
      const late = yield* sendAll(send, [1])
      assert.deepStrictEqual(yield* exitsOf(late), [Exit.interrupt()])
    }))
})
