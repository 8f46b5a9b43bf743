/**
 * The connection between a process and a simulated database: lost answers, lost conflicts, and the
 * end of either side.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { LostConflict } from "#shared/postgres/transaction.ts"
import { Unavailable } from "#shared/transient.ts"
import {
  type Connection,
  endOwner,
  makeDatabase,
  restart,
  rows,
  seed,
  type SimulatedDatabase,
} from "./database.ts"
import { session, settled, storeOf, wallet, wallets } from "./session.ts"

const wallets10 = (): SimulatedDatabase => {
  const database = makeDatabase()
  seed(database, wallets, wallet("ann"))
  seed(database, wallets, wallet("bob"))
  return database
}

const amountOf = (database: SimulatedDatabase, name = "ann") =>
  rows(database, wallets).find((row) => row.name === name)?.amount

/** Adds 1 to ann's wallet over a connection. Returns the tag of the result, and the wallet. */
const addOver = (conduct: Partial<Connection>) =>
  Effect.gen(function* () {
    const database = wallets10()
    const { query, transaction } = storeOf(database, conduct)
    const ends: Array<string> = []
    for (const run of [query, transaction]) {
      const exit = yield* Effect.exit(run((t) => t.add(1, "ann")))
      const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
      ends.push(reason?._tag === "Fail" ? reason.error._tag : reason?._tag ?? "done")
      assert.strictEqual(database.open.size, 0)
    }
    return [...ends, amountOf(database)]
  })

describe("a commit", () => {
  it.effect("that is refused leaves nothing behind, and so does a refused begin", () =>
    Effect.gen(function* () {
      const commit = Effect.succeed("refused" as const)
      const begin = Effect.fail(new Unavailable({ message: "not now" }))
      const nothing = ["Unavailable", "Unavailable", 10]
      assert.deepStrictEqual(yield* addOver({ commit }), nothing)
      assert.deepStrictEqual(yield* addOver({ begin }), nothing)
    }))

  it.effect("whose answer is lost has taken effect", () =>
    Effect.gen(function* () {
      const commit = Effect.succeed("lost answer" as const)
      assert.deepStrictEqual(yield* addOver({ commit }), ["OutcomeUnknown", "OutcomeUnknown", 12])
      assert.deepStrictEqual(yield* addOver({}), ["done", "done", 12])
    }))

  it.effect("keeps the locks until it is done", () =>
    Effect.gen(function* () {
      const database = wallets10()
      let goOn = () => {}
      const slow = storeOf(database, {
        commit: Effect.callback((resume) => {
          goOn = () => resume(Effect.succeed("applied"))
        }),
      })
      const committing = yield* session(slow)
      yield* committing.run((t) => t.add(1, "ann"))
      yield* Effect.forkScoped(committing.commit)
      const waiting = yield* (yield* session(storeOf(database))).begin((t) => t.lock("ann"))
      assert.isUndefined(yield* waiting.end)
      goOn()
      yield* settled
      assert.deepStrictEqual(yield* waiting.end, Exit.succeed([11]))
    }))
})

describe("a lost conflict", () => {
  it.effect("begins a transaction again, at most five times", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const { transaction } = storeOf(database)
      const losing = (times: number) => {
        let begun = 0
        return Effect.map(
          Effect.exit(transaction((t) =>
            Effect.andThen(
              t.add(1, "ann"),
              Effect.suspend(() => ++begun > times ? Effect.void : Effect.die(new LostConflict())),
            )
          )),
          (exit) => [begun, Exit.isSuccess(exit)],
        )
      }
      assert.deepStrictEqual(yield* losing(5), [6, true])
      assert.strictEqual(amountOf(database), 11)
      assert.deepStrictEqual(yield* losing(6), [6, false])
      assert.strictEqual(amountOf(database), 11)
    }))

  it.effect("fails a query with Unavailable", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const one = yield* session(storeOf(database))
      yield* one.run((t) => t.lock("bob"))
      const single = yield* Effect.forkScoped(
        Effect.flip(storeOf(database).query((t) => t.add(1, "ann", "bob"))),
      )
      yield* settled
      // The other one would close the circle, so it is the one that begins again.
      yield* one.begin((t) => t.lock("ann"))
      assert.strictEqual(amountOf(database), 11)
      assert.isDefined(single.pollUnsafe())
      let begun = 0
      const { query } = storeOf(database, { begin: Effect.sync(() => void begun++) })
      const error = yield* Effect.flip(query(() => Effect.die(new LostConflict())))
      assert.deepStrictEqual([error._tag, begun], ["Unavailable", 1])
    }))
})

describe("a defect", () => {
  it.effect("of the caller or of a statement rolls the transaction back, and reaches the caller", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const { transaction } = storeOf(database)
      const own = new Error("a defect")
      const ends = [
        yield* Effect.exit(transaction((t) => Effect.andThen(t.add(1, "ann"), Effect.die(own)))),
        yield* Effect.exit(
          transaction((t) => Effect.andThen(t.add(1, "ann"), t.add(-11, "bob"))),
        ),
        // Even if the error is ignored, nothing is committed.
        yield* Effect.exit(
          transaction((t) => Effect.andThen(t.add(1, "ann"), Effect.exit(t.add(-11, "bob")))),
        ),
      ]
      assert.deepStrictEqual(ends.map((end) => Exit.hasDies<unknown, unknown>(end)), [
        true,
        true,
        true,
      ])
      assert.deepStrictEqual([amountOf(database), amountOf(database, "bob")], [10, 10])
    }))
})

describe("the end of a process", () => {
  it.effect("rolls its transactions back, frees their locks, and answers nothing more", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const dying = storeOf(database, { owner: "one@1" })
      const [holding, queued] = [yield* session(dying), yield* session(dying)]
      const survivor = yield* session(storeOf(database, { owner: "one@2" }))
      yield* holding.run((t) => t.add(5, "ann"))
      yield* holding.run((t) => t.insert(wallet("cy")))
      const ofTheDead = yield* queued.begin((t) => t.lock("ann"))
      const waiting = yield* survivor.begin((t) => t.lock("ann"))
      const inserting = yield* session(storeOf(database, { owner: "two@1" }))
      const insert = yield* inserting.begin((t) => t.insert(wallet("cy", 2)))
      endOwner(database, "one@1")
      yield* settled
      assert.deepStrictEqual(yield* waiting.end, Exit.succeed([10]))
      assert.deepStrictEqual(yield* insert.end, Exit.succeed(["cy"]))
      assert.isUndefined(yield* ofTheDead.end)
      // Neither its next statement nor its commit is answered.
      assert.isUndefined(yield* (yield* holding.begin((t) => t.read("ann"))).end)
      assert.isUndefined(yield* holding.end)
      const late = yield* Effect.forkScoped(dying.query((t) => t.add(1, "bob")))
      yield* settled
      assert.isUndefined(late.pollUnsafe())
      yield* survivor.commit
      yield* inserting.commit
      assert.strictEqual(database.open.size, 0)
      assert.deepStrictEqual([amountOf(database), amountOf(database, "cy")], [10, 2])
    }))

  it.effect("in the middle of a commit rolls it back", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const { transaction } = storeOf(database, {
        commit: Effect.sync(() => {
          endOwner(database, "a process")
          return "applied"
        }),
      })
      const fiber = yield* Effect.forkScoped(transaction((t) => t.add(1, "ann")))
      yield* settled
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(amountOf(database), 10)
    }))
})

describe("a restart of the database", () => {
  const unavailable = (exit: Exit.Exit<unknown, { readonly _tag: string }> | undefined) => {
    assert.isTrue(exit !== undefined && Exit.isFailure(exit))
    const [reason] = (exit as Exit.Failure<unknown, { readonly _tag: string }>).cause.reasons
    assert.strictEqual(reason?._tag === "Fail" && reason.error._tag, "Unavailable")
  }

  it.effect("fails waiting transactions at once, and the other open ones at their next statement", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const store = storeOf(database)
      const [waiting, going, committing] = yield* Effect.all(
        Array.from({ length: 3 }, () => session(store)),
      )
      yield* going!.run((t) => t.add(1, "ann"))
      yield* committing!.run((t) => t.add(1, "bob"))
      yield* waiting!.begin((t) => t.lock("ann"))
      restart(database)
      unavailable(yield* waiting!.end)
      assert.isUndefined(yield* going!.end)
      yield* going!.begin((t) => t.read("ann"))
      unavailable(yield* going!.end)
      unavailable(yield* Effect.exit(committing!.commit))
      assert.strictEqual(database.open.size, 0)
      const later = yield* session(store)
      assert.deepStrictEqual(yield* later.run((t) => t.lock("ann", "bob")), [10, 10])
    }))

  it.effect("in the middle of a commit rolls it back", () =>
    Effect.gen(function* () {
      const database = wallets10()
      const { transaction } = storeOf(database, {
        commit: Effect.sync(() => {
          restart(database)
          return "applied"
        }),
      })
      unavailable(yield* Effect.exit(transaction((t) => t.add(1, "ann"))))
      assert.strictEqual(amountOf(database), 10)
    }))
})
