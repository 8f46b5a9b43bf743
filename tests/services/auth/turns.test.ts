/** The sequence of turns. Work goes on until the test ends it. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { makeTurns } from "#services/auth/turns.ts"
import { Problem } from "#shared/http/problem.ts"

/** Queues whose work goes on until the test ends it, oldest first. */
const held = (atOnce: number) => {
  const atWork: Array<{ readonly name: string; readonly end: Effect.Effect<unknown> }> = []
  const turns = makeTurns(atOnce)
  const queue = (atWorkAtMost: number) => {
    const inTurn = turns(atWorkAtMost)
    return (share: string, name = share) =>
      Effect.forkChild(
        inTurn(
          share.split("/"),
          Effect.gen(function* () {
            const door = yield* Deferred.make<void>()
            atWork.push({ name, end: Deferred.succeed(door, undefined) })
            yield* Deferred.await(door)
            return name
          }),
        ),
        { startImmediately: true },
      )
  }
  const settled = Effect.repeat(Effect.yieldNow, { times: 20 })
  return {
    queue,
    settled,
    names: () => atWork.map(({ name }) => name),
    /** Ends the oldest work, and returns the names of all work that then goes on. */
    next: Effect.gen(function* () {
      yield* atWork.shift()!.end
      yield* settled
      return atWork.map(({ name }) => name)
    }),
  }
}

describe("makeTurns", () => {
  it.effect("lets the shares take turns, however many each one has waiting", () =>
    Effect.gen(function* () {
      const { queue, next, names } = held(1)
      const ask = queue(1)
      for (let n = 0; n < 50; n++) yield* ask("flood")
      yield* ask("victim")
      yield* ask("other")
      assert.deepStrictEqual(names(), ["flood"])
      const served: Array<string> = []
      for (let n = 0; n < 5; n++) served.push(...yield* next)
      assert.deepStrictEqual(served, ["flood", "victim", "other", "flood", "flood"])
    }))

  it.effect("lets the users at an address take turns there, at no cost to other addresses", () =>
    Effect.gen(function* () {
      const { queue, next } = held(1)
      const ask = queue(1)
      for (const user of ["", "", "", "ann", "ann", "bob"]) yield* ask(`flood/${user}`)
      yield* ask("other/")
      const served: Array<string> = []
      for (let n = 0; n < 6; n++) served.push(...yield* next)
      assert.deepStrictEqual(served, [
        "flood/",
        "other/",
        ...["flood/ann", "flood/bob", "flood/", "flood/ann"],
      ])
    }))

  it.effect("refuses strangers at an address before a user who is known there", () =>
    Effect.gen(function* () {
      const { queue, settled } = held(1)
      const ask = queue(1)
      const flood = []
      for (let n = 0; n < 101; n++) flood.push(yield* ask("flood/"))
      const known = yield* ask("flood/ann")
      yield* settled
      assert.isDefined(flood[100]!.pollUnsafe())
      assert.isUndefined(known.pollUnsafe())
    }))

  it.effect("serves one share in the sequence of arrival", () =>
    Effect.gen(function* () {
      const { queue, next } = held(1)
      const ask = queue(1)
      for (let n = 0; n < 4; n++) yield* ask("one", `${n}`)
      assert.deepStrictEqual([...yield* next, ...yield* next, ...yield* next], ["1", "2", "3"])
    }))

  it.effect("keeps a turn for each queue, and lends it to others while the queue is empty", () =>
    Effect.gen(function* () {
      const { queue, next, names } = held(3)
      const [logIn, signUp] = [queue(3), queue(2)]
      for (let n = 0; n < 9; n++) yield* signUp(`s${n}`, "sign-up")
      assert.deepStrictEqual(names(), ["sign-up", "sign-up"])
      yield* logIn("victim", "log-in")
      assert.deepStrictEqual(names(), ["sign-up", "sign-up", "log-in"])
      for (let n = 0; n < 9; n++) yield* logIn(`l${n}`, "log-in")
      assert.deepStrictEqual(yield* next, ["sign-up", "log-in", "log-in"])
      assert.deepStrictEqual(yield* next, ["log-in", "log-in", "sign-up"])
    }))

  it.effect("refuses the newest of the share with the most waiting, when too many wait", () =>
    Effect.gen(function* () {
      const { queue, settled, next } = held(1)
      const ask = queue(1)
      const flood = []
      for (let n = 0; n < 101; n++) flood.push(yield* ask("flood", `flood ${n}`))
      const victim = yield* ask("victim")
      const refused = yield* Effect.flip(Fiber.join(flood[100]!))
      assert.instanceOf(refused, Problem)
      assert.deepStrictEqual([refused.status, refused.headers?.["retry-after"]], [503, "1"])
      const late = yield* Effect.exit(Fiber.join(yield* ask("flood")))
      assert.isTrue(Exit.isFailure(late))
      yield* settled
      assert.deepStrictEqual([...yield* next, ...yield* next], ["flood 1", "victim"])
      yield* next
      assert.strictEqual(yield* Fiber.join(victim), "victim")
    }))

  it.effect("refuses the newcomer when no share has more than one waiting", () =>
    Effect.gen(function* () {
      const { queue } = held(1)
      const ask = queue(1)
      for (let n = 0; n < 101; n++) yield* ask(`share ${n}`)
      const late = yield* Effect.flip(Fiber.join(yield* ask("late")))
      assert.strictEqual((late as Problem).status, 503)
    }))

  it.effect("frees the turn and the place of interrupted work", () =>
    Effect.gen(function* () {
      const { queue, settled, names } = held(1)
      const ask = queue(1)
      const [atWork, waiting] = [yield* ask("at work"), yield* ask("waiting")]
      yield* ask("last")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(atWork)
      yield* settled
      assert.deepStrictEqual(names(), ["at work", "last"])
    }))

  it.effect("frees the turn of work that fails or dies", () =>
    Effect.gen(function* () {
      const inTurn = makeTurns(1)(1)
      assert.strictEqual(yield* Effect.flip(inTurn(["one"], Effect.fail("why"))), "why")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(inTurn(["one"], Effect.die("oh")))))
      assert.strictEqual(yield* inTurn(["one"], Effect.succeed(1)), 1)
    }))
})
