import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { makeLine, type MayEnter } from "#services/orders/line.ts"

/**
 * Requests that joined a millisecond apart. The users in `lucky` find room when their requests have
 * waited too long.
 */
const waiting = (names: ReadonlyArray<string>, lucky = "") =>
  Effect.gen(function* () {
    const line = makeLine<string>()
    const came: Array<string> = []
    const fibers = yield* Effect.forEach(
      names,
      (name, sinceMs) =>
        Effect.forkChild(
          line.wait({
            username: name[0]!,
            sinceMs,
            comeIn: () => came.push(name),
            tooLate: () => lucky.includes(name[0]!) ? undefined : `no room for ${name}`,
          }),
          { startImmediately: true },
        ),
    )
    return { line, came, fibers }
  })

/** Room for `most` requests in all, and none for the users in `blocked`. */
const room = (most: number, blocked = "") => {
  let left = most
  return (name: string): MayEnter =>
    left === 0 ? "nobody" : blocked.includes(name) ? "not this user" : (left--, "yes")
}

describe("the line of waiting requests", () => {
  it.effect("lets in one request of each user in turn, and resumes where it stopped", () =>
    Effect.gen(function* () {
      const { line, came } = yield* waiting(["a1", "a2", "a3", "a4", "b1", "c1", "c2"])
      line.letIn(room(2))
      assert.deepStrictEqual(came, ["a1", "b1"])
      line.letIn(room(3))
      assert.deepStrictEqual(came, ["a1", "b1", "c1", "a2", "c2"])
      line.letIn(room(9))
      assert.deepStrictEqual(came.slice(5), ["a3", "a4"])
    }))

  it.effect("lets others pass a user who may not enter", () =>
    Effect.gen(function* () {
      const { line, came } = yield* waiting(["a1", "a2", "b1", "b2"])
      line.letIn(room(9, "a"))
      assert.deepStrictEqual(came, ["b1", "b2"])
      line.letIn(room(1))
      assert.deepStrictEqual(came, ["b1", "b2", "a1"])
    }))

  it.effect("forgets requests that gave up, and resumes those that were let in", () =>
    Effect.gen(function* () {
      const { line, came, fibers } = yield* waiting(["a1", "a2"])
      yield* Fiber.interrupt(fibers[0]!)
      line.letIn(room(9))
      assert.deepStrictEqual(came, ["a2"])
      yield* Fiber.join(fibers[1]!)
    }))

  it.effect("refuses requests that have waited too long, unless there is room at that moment", () =>
    Effect.gen(function* () {
      const { line, came, fibers } = yield* waiting(["a1", "b1", "a2", "b2"], "b")
      line.sendAway(2)
      assert.strictEqual(yield* Effect.flip(Fiber.join(fibers[0]!)), "no room for a1")
      assert.deepStrictEqual(came, ["b1"])
      line.letIn(room(9))
      assert.deepStrictEqual(came, ["b1", "b2"])
      assert.strictEqual(yield* Effect.flip(Fiber.join(fibers[2]!)), "no room for a2")
    }))
})
