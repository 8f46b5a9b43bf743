/**
 * Concurrent transactions of a simulated database: what they see, what they wait for, and which is
 * next.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { type Change, makeDatabase, rows, seed } from "./database.ts"
import { type Begun, phoneBook, session, settled, storeOf, wallet, wallets } from "./session.ts"

/** A database with two wallets of 10, and transactions on it. */
const world = (count: number) =>
  Effect.gen(function* () {
    const database = makeDatabase()
    seed(database, wallets, wallet("ann"))
    seed(database, wallets, wallet("bob"))
    const store = storeOf(database)
    const [one, two, three] = yield* Effect.all(Array.from({ length: count }, () => session(store)))
    return { database, store, one: one!, two: two!, three: three! }
  })

const waits = <A>({ end }: Begun<A>) =>
  Effect.map(end, (exit) => assert.isUndefined(exit, "it should wait"))
const cameTo = <A>({ end }: Begun<A>, expected: A) =>
  Effect.map(end, (exit) => assert.deepStrictEqual(exit, Exit.succeed(expected)))

describe("a transaction", () => {
  it.effect("sees its own writes, and what others committed before its statement began", () =>
    Effect.gen(function* () {
      const { one, two } = yield* world(2)
      yield* one.run((t) => t.add(5, "ann"))
      yield* one.run((t) => t.insert(wallet("cy")))
      assert.strictEqual(yield* one.run((t) => t.read("ann")), 15)
      assert.strictEqual(yield* one.run((t) => t.read("cy")), 10)
      assert.strictEqual(yield* two.run((t) => t.read("ann")), 10)
      assert.strictEqual(yield* two.run((t) => t.read("cy")), undefined)
      yield* one.commit
      assert.strictEqual(yield* two.run((t) => t.read("ann")), 15)
      assert.strictEqual(yield* two.run((t) => t.read("cy")), 10)
    }))

  it.effect("that is rolled back changes nothing, and notifies nobody", () =>
    Effect.gen(function* () {
      const { database, one, two } = yield* world(2)
      const told: Array<ReadonlyArray<Change>> = []
      database.onCommit = (changes) => told.push(changes)
      const before = rows(database, wallets)
      yield* one.run((t) => t.add(5, "ann"))
      yield* one.run((t) => t.insert(wallet("cy")))
      yield* one.rollBack
      yield* two.run((t) => t.add(5, "ann"))
      yield* two.run((t) => t.insert(wallet("cy")))
      yield* two.interrupt
      assert.deepStrictEqual(rows(database, wallets), before)
      assert.deepStrictEqual(told, [])
      assert.strictEqual(database.open.size, 0)
    }))

  it.effect("reports its changes on commit, each row once, in the order of writing", () =>
    Effect.gen(function* () {
      const { database, one, two } = yield* world(2)
      const told: Array<Change> = []
      database.onCommit = (changes) => told.push(...changes)
      yield* one.run((t) => t.lock("ann", "bob"))
      yield* one.run((t) => t.add(1, "bob"))
      yield* one.run((t) => t.insert(wallet("cy")))
      yield* one.run((t) => t.add(1, "bob"))
      yield* one.commit
      yield* two.run((t) => t.lock("ann"))
      yield* two.commit
      assert.deepStrictEqual(told, [
        { table: "wallets", key: "bob", before: wallet("bob", 10), after: wallet("bob", 12) },
        { table: "wallets", key: "cy", before: undefined, after: wallet("cy") },
      ])
    }))

  it.effect("runs its statements one at a time, in the order in which they came", () =>
    Effect.gen(function* () {
      const database = makeDatabase()
      seed(database, wallets, wallet("ann"))
      const seen: Array<string> = []
      let turns = 30
      const { transaction } = storeOf(database, {
        // The first one takes long.
        statement: (name) =>
          Effect.suspend(() => {
            seen.push(name)
            turns -= 10
            return Effect.all(Array.from({ length: turns }, () => Effect.yieldNow))
          }),
      })
      const [before, , after] = yield* transaction((t) =>
        Effect.all([t.read("ann"), t.add(1, "ann"), t.read("ann")], { concurrency: "unbounded" })
      )
      assert.deepStrictEqual([before, after], [10, 11])
      assert.deepStrictEqual(seen, ["read", "add", "read"])
    }))
})

describe("a lock", () => {
  it.effect("makes others wait, who then see the newest row", () =>
    Effect.gen(function* () {
      const { database, one, two } = yield* world(2)
      yield* one.run((t) => t.add(5, "ann"))
      const waiting = yield* two.begin((t) => t.lock("ann", "bob"))
      yield* waits(waiting)
      assert.deepStrictEqual([...database.open].filter((t) => t.isWaiting).length, 1)
      yield* one.commit
      yield* settled
      yield* cameTo(waiting, [15, 10])
      assert.deepStrictEqual([...database.open].filter((t) => t.isWaiting).length, 0)
    }))

  it.effect("passes on to those who wait, in the order in which they came", () =>
    Effect.gen(function* () {
      const { store, one, two, three } = yield* world(3)
      const four = yield* session(store)
      yield* one.run((t) => t.lock("ann"))
      const second = yield* two.begin((t) => t.lock("ann"))
      const third = yield* three.begin((t) => t.add(1, "ann"))
      const fourth = yield* four.begin((t) => t.lock("ann"))
      yield* one.rollBack
      yield* settled
      yield* cameTo(second, [10])
      yield* waits(third)
      yield* waits(fourth)
      yield* two.commit
      yield* settled
      yield* cameTo(third, undefined)
      yield* waits(fourth)
      yield* three.commit
      yield* settled
      yield* cameTo(fourth, [11])
    }))

  it.effect("does not pass on to a transaction whose wait was interrupted", () =>
    Effect.gen(function* () {
      const { one, two, three } = yield* world(3)
      yield* one.run((t) => t.lock("ann"))
      yield* two.run((t) => t.lock("bob"))
      yield* two.begin((t) => t.lock("ann"))
      const third = yield* three.begin((t) => t.lock("ann", "bob"))
      yield* two.interrupt
      yield* waits(third)
      yield* one.commit
      yield* settled
      yield* cameTo(third, [10, 10])
    }))

  it.effect("whose wait is interrupted rolls its transaction back, whatever that does next", () =>
    Effect.gen(function* () {
      const { store, database, one } = yield* world(1)
      yield* one.run((t) => t.lock("ann"))
      const two = yield* Effect.forkScoped(
        Effect.exit(
          store.transaction((t) =>
            Effect.andThen(t.add(1, "bob"), Effect.raceFirst(t.lock("ann"), settled)).pipe(
              Effect.andThen(t.read("bob")),
            )
          ),
        ),
      )
      yield* settled
      assert.isTrue(Exit.hasDies(yield* Fiber.join(two)))
      assert.deepStrictEqual(yield* one.run((t) => t.lock("ann", "bob")), [10, 10])
      yield* one.commit
      assert.strictEqual(database.open.size, 0)
    }))

  it.effect("is not taken for a row that was added during the wait, and the row is not seen", () =>
    Effect.gen(function* () {
      const { one, two, three } = yield* world(3)
      yield* one.run((t) => t.lock("ann"))
      const waiting = yield* two.begin((t) => t.lock("ann", "cy"))
      yield* three.run((t) => t.insert(wallet("cy")))
      yield* three.commit
      yield* one.commit
      yield* settled
      yield* cameTo(waiting, [10])
      assert.deepStrictEqual(yield* two.run((t) => t.lock("ann", "cy")), [10, 10])
    }))

  it.effect("that is held or waited for makes SKIP LOCKED skip the row", () =>
    Effect.gen(function* () {
      const { one, two, three } = yield* world(3)
      yield* one.run((t) => t.lock("ann"))
      yield* two.run((t) => t.insert(wallet("cy")))
      assert.deepStrictEqual(yield* three.run((t) => t.lockFree), ["bob"])
      yield* two.commit
      assert.deepStrictEqual(yield* three.run((t) => t.lockFree), ["bob", "cy"])
      yield* two.end
      yield* one.rollBack
      assert.deepStrictEqual(yield* three.run((t) => t.lockFree), ["ann", "bob", "cy"])
    }))
})

describe("an insert", () => {
  it.effect("waits for another one of the same key, and is skipped when that one commits", () =>
    Effect.gen(function* () {
      const { database, one, two } = yield* world(2)
      yield* one.run((t) => t.insert(wallet("cy", 1)))
      const waiting = yield* two.begin((t) => t.insert(wallet("cy", 2), wallet("dan", 2)))
      yield* waits(waiting)
      yield* one.commit
      yield* settled
      yield* cameTo(waiting, ["dan"])
      yield* two.commit
      assert.deepStrictEqual(
        rows(database, wallets).map(({ name, amount }) => [name, amount]),
        [["ann", 10], ["bob", 10], ["cy", 1], ["dan", 2]],
      )
    }))

  it.effect("waits for another one of the same key, and succeeds when that one is rolled back", () =>
    Effect.gen(function* () {
      const { database, one, two, three } = yield* world(3)
      yield* one.run((t) => t.insert(wallet("cy", 1)))
      const second = yield* two.begin((t) => t.insert(wallet("cy", 2)))
      const third = yield* three.begin((t) => t.insert(wallet("cy", 3)))
      yield* one.rollBack
      yield* settled
      yield* cameTo(second, ["cy"])
      yield* waits(third)
      yield* two.commit
      yield* settled
      yield* cameTo(third, [])
      assert.deepStrictEqual(rows(database, wallets).at(-1), wallet("cy", 2))
    }))

  it.effect("is skipped at once for a row that is only locked, but waits for one that is written", () =>
    Effect.gen(function* () {
      const { one, two } = yield* world(2)
      yield* one.run((t) => t.lock("ann"))
      assert.deepStrictEqual(yield* two.run((t) => t.insert(wallet("ann"))), [])
      yield* one.run((t) => t.add(1, "ann"))
      const waiting = yield* two.begin((t) => t.insert(wallet("ann")))
      yield* waits(waiting)
      yield* one.rollBack
      yield* settled
      yield* cameTo(waiting, [])
    }))

  it.effect("is skipped if its second key is taken, and is a defect if its key is", () =>
    Effect.gen(function* () {
      const database = makeDatabase()
      const { transaction } = storeOf(database, {}, phoneBook)
      const insert = (...given: ReadonlyArray<ReturnType<typeof wallet>>) =>
        Effect.exit(transaction((t) => t.insert(...given)))
      assert.deepStrictEqual(
        yield* insert(
          wallet("ann", 1, "1"),
          wallet("bob", 1, "1"),
          wallet("cy", 1),
          wallet("di", 1),
        ),
        Exit.succeed(["ann", "cy", "di"]),
      )
      assert.deepStrictEqual(yield* insert(wallet("ann", 2, "1")), Exit.succeed([]))
      const violation = yield* insert(wallet("eve", 1, "2"), wallet("cy", 2, "3"))
      assert.propertyVal(Exit.isFailure(violation) && violation.cause.reasons[0], "_tag", "Die")
      assert.strictEqual(rows(database, phoneBook).length, 3)
      // A row that was rolled back does not keep its second key.
      assert.deepStrictEqual(yield* insert(wallet("eve", 1, "2")), Exit.succeed(["eve"]))
    }))
})

describe("a circle of waits", () => {
  it.effect("fails the transaction that would close it, which begins again", () =>
    Effect.gen(function* () {
      const { one, two, three } = yield* world(3)
      yield* one.run((t) => t.insert(wallet("cy")))
      yield* two.run((t) => t.add(1, "ann"))
      yield* three.run((t) => t.add(1, "bob"))
      const first = yield* one.begin((t) => t.lock("ann"))
      const second = yield* two.begin((t) => t.lock("bob"))
      const closing = yield* three.begin((t) => t.insert(wallet("cy")))
      assert.isTrue(Exit.hasDies((yield* closing.end)!))
      // Its lock is free at once, and it begins again.
      yield* cameTo(second, [10])
      yield* waits(first)
      assert.isUndefined(yield* three.end)
      yield* two.commit
      yield* settled
      yield* cameTo(first, [11])
      yield* one.commit
      assert.deepStrictEqual(yield* three.run((t) => t.insert(wallet("cy"))), [])
      yield* three.commit
    }))
})
