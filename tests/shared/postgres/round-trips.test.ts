/**
 * How often a transaction waits for the server: once for its locks, and once for its writes. The
 * server's answers are kept back, so everything that is sent was sent without them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { tapPostgres } from "#tests/support/tapped-postgres.ts"
import { openLine } from "./line.ts"
import { newDatabase, onlooker, openDatabase, until } from "./open-database.ts"

const setUp = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  yield* Effect.promise(() => sql`create table kept (n int primary key check (n > 0))`)
  const line = yield* openLine(url)
  const { url: tapped, statements } = yield* tapPostgres(line.url)
  const database = yield* openDatabase(tapped, { poolSize: 1 })
  yield* database.ping
  const before = statements.length
  const kept = Effect.promise(async () => (await sql`select n from kept`).map(({ n }) => n))
  return { line, database, kept, sent: () => statements.slice(before) }
})

describe("a transaction", () => {
  it.live("sends BEGIN with its locks, and COMMIT with its last writes", () =>
    Effect.gen(function* () {
      const { line, database, kept, sent } = yield* setUp
      const transaction = (locked: () => void, ...numbers: ReadonlyArray<number>) =>
        database.transaction(Effect.fnUntraced(function* (sql, last) {
          yield* Effect.all([sql`select n from kept for update`, sql`select 2`], {
            concurrency: "unbounded",
          })
          locked()
          return yield* last(numbers.map((n) => sql`insert into kept values (${n})`))
        }))
      // The first run of a statement takes one more, to prepare it.
      yield* transaction(() => {}, 1)
      const before = sent().length
      const now = () => sent().slice(before)
      line.hold()
      const fiber = yield* Effect.forkChild(transaction(line.hold, 2, 3))
      yield* until("the locks to be requested", () => now().length >= 3)
      const locks = ["begin", "select n from kept for update", "select 2"]
      assert.deepStrictEqual(now(), locks)
      line.letGo()
      yield* until("the rest to be sent", () => now().length >= 6)
      const insert = "insert into kept values ($1)"
      assert.deepStrictEqual(now(), [...locks, insert, insert, "commit"])
      line.letGo()
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 1])
      assert.deepStrictEqual(yield* kept, [1, 2, 3])
    }))

  it.live("is undone if one of its last statements fails, and says why that one failed", () =>
    Effect.gen(function* () {
      const { database, kept } = yield* setUp
      const exit = yield* Effect.exit(database.transaction((sql, last) =>
        last([
          sql`insert into kept values (1)`,
          // Reported after the failure that causes it.
          Effect.catchDefect(
            sql`insert into kept values (-1)`,
            (error) => Effect.andThen(Effect.yieldNow, Effect.die(error)),
          ),
          sql`insert into kept values (2)`,
        ])
      ))
      assert.match(String(exit), /violates check constraint/)
      assert.isFalse(Exit.hasFails(exit))
      assert.deepStrictEqual(yield* kept, [])
      yield* database.transaction((sql, last) => last([sql`insert into kept values (3)`]))
      assert.deepStrictEqual(yield* kept, [3])
    }))

  it.live("sends nothing more once COMMIT is on its way", () =>
    Effect.gen(function* () {
      const { database, kept } = yield* setUp
      const tooLate = yield* Effect.exit(database.transaction((sql, last) =>
        last([
          sql`insert into kept values (1)`,
          Effect.andThen(Effect.yieldNow, sql`insert into kept values (2)`),
        ])
      ))
      assert.match(String(tooLate), /came after the end of its transaction/)
      let leaked: Effect.Effect<number> = Effect.succeed(0)
      yield* database.transaction((sql) => {
        leaked = sql`insert into kept values (3)`
        return Effect.void
      })
      assert.match(String(yield* Effect.exit(leaked)), /came after the end of its transaction/)
      // Everything sent before is committed.
      assert.deepStrictEqual(yield* kept, [1])
    }))

  it.live("whose BEGIN is refused does not go on, and its connection is not used again", () =>
    Effect.gen(function* () {
      const { line, database, kept, sent } = yield* setUp
      line.rewrite = (bytes) =>
        Buffer.from(bytes.toString("latin1").replace("begin", "bogus"), "latin1")
      // A new connection, on which BEGIN is not prepared yet.
      line.reset()
      yield* Effect.ignore(database.ping)
      yield* database.ping
      const exit = yield* Effect.exit(
        database.transaction((sql) =>
          Effect.andThen(sql`select n from kept for update`, sql`insert into kept values (1)`)
        ),
      )
      assert.isTrue(Exit.hasFails(exit), String(exit))
      assert.notInclude(sent(), "commit")
      line.rewrite = (bytes) => bytes
      const accepted = line.accepted()
      yield* database.transaction((sql) => sql`insert into kept values (2)`)
      assert.strictEqual(line.accepted(), accepted + 1)
      assert.deepStrictEqual(yield* kept, [2])
    }))
})
