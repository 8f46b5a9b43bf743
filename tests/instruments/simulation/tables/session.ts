/** A table of wallets in a simulated database, and transactions that a test leads step by step. */
import { Deferred, Effect, Exit, Fiber, Queue, type Scope } from "effect"
import type { Store } from "#shared/postgres/store.ts"
import type { Transient } from "#shared/transient.ts"
import { connect, type Connection, type SimulatedDatabase, tableOf } from "./database.ts"
import type { TableDefinition } from "./table.ts"
import type { Transaction } from "./transaction.ts"

export interface Wallet {
  readonly name: string
  readonly amount: number
  readonly phone: string | undefined
}

export const wallets: TableDefinition<Wallet> = {
  name: "wallets",
  keyOf: ({ name }) => name,
  brokenCheck: ({ amount }) => amount >= 0 ? undefined : "amount",
}

/** Wallets whose second key is the phone. */
export const phoneBook: TableDefinition<Wallet> = {
  ...wallets,
  name: "phone book",
  uniqueOf: ({ phone }) => phone,
}

export const wallet = (name: string, amount = 10, phone?: string): Wallet => ({
  name,
  amount,
  phone,
})

export interface Wallets {
  readonly read: (name: string) => Effect.Effect<number | undefined>
  readonly lock: (...names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<number>>
  /** Locks the wallets that are free, and returns their names. */
  readonly lockFree: Effect.Effect<ReadonlyArray<string>>
  readonly add: (by: number, ...names: ReadonlyArray<string>) => Effect.Effect<void>
  /** Returns the names of the inserted wallets. */
  readonly insert: (...given: ReadonlyArray<Wallet>) => Effect.Effect<ReadonlyArray<string>>
}

export const walletsOf = (definition: TableDefinition<Wallet>) => (tx: Transaction): Wallets => {
  const table = tableOf(tx.database, definition)
  return {
    read: (name) => tx.statement("read", () => table.cells.get(name)?.seenBy(tx)?.amount),
    lock: (...names) =>
      tx.locking(
        "lock",
        () => table.find(names, tx),
        (cells) => cells.map((cell) => cell.seenBy(tx)!.amount),
      ),
    lockFree: tx.statement(
      "lockFree",
      () => table.all(tx).filter((cell) => tx.take(cell)).map(({ key }) => key),
    ),
    add: (by, ...names) =>
      tx.locking("add", () => table.find(names, tx), (cells) => {
        for (const cell of cells) {
          const row = cell.seenBy(tx)!
          tx.write(cell, { ...row, amount: row.amount + by })
        }
      }),
    insert: (...given) =>
      Effect.map(
        tx.inserting("insert", table, given),
        (inserted) => inserted.map(({ name }) => name),
      ),
  }
}

/** A connection without faults, except those of the test. */
export const storeOf = (
  database: SimulatedDatabase,
  conduct: Partial<Connection> = {},
  definition = wallets,
): Store<Wallets> =>
  connect(database, walletsOf(definition), {
    owner: "a process",
    statement: () => Effect.void,
    begin: Effect.void,
    commit: Effect.succeed("applied"),
    ...conduct,
  })

/** Lets all fibers run until they wait. */
export const settled: Effect.Effect<void> = Effect.asVoid(
  Effect.all(Array.from({ length: 50 }, () => Effect.yieldNow)),
)

/** A statement that has begun. */
export interface Begun<A> {
  /** Its result; undefined while it waits. */
  readonly end: Effect.Effect<Exit.Exit<A> | undefined>
}

export interface Session {
  /** Runs a statement that need not wait. */
  readonly run: <A>(statement: (tables: Wallets) => Effect.Effect<A>) => Effect.Effect<A>
  readonly begin: <A>(statement: (tables: Wallets) => Effect.Effect<A>) => Effect.Effect<Begun<A>>
  readonly commit: Effect.Effect<void, Transient>
  readonly rollBack: Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
  /** The result of the transaction; undefined while it is open. */
  readonly end: Effect.Effect<Exit.Exit<void, Transient> | undefined>
}

type Command = (tables: Wallets) => Effect.Effect<"go on" | "commit">

/** A transaction that runs the test's statements. If it begins again, it waits for new ones. */
export const session = (store: Store<Wallets>): Effect.Effect<Session, never, Scope.Scope> =>
  Effect.gen(function* () {
    const commands = yield* Queue.unbounded<Command>()
    const transaction = store.transaction(Effect.fnUntraced(function* (tables) {
      while ((yield* (yield* Queue.take(commands))(tables)) === "go on");
    }))
    const fiber = yield* Effect.forkScoped(transaction)
    const begin = <A>(statement: (tables: Wallets) => Effect.Effect<A>) =>
      Effect.gen(function* () {
        const reply = yield* Deferred.make<A>()
        const command: Command = (tables) =>
          Effect.exit(statement(tables)).pipe(
            Effect.tap((exit) => Deferred.done(reply, exit)),
            Effect.flatMap((exit) => Exit.map(exit, () => "go on" as const)),
          )
        yield* Queue.offer(commands, command)
        yield* settled
        return {
          end: Effect.flatMap(
            Deferred.isDone(reply),
            (done) => done ? Effect.exit(Deferred.await(reply)) : Effect.succeed(undefined),
          ),
        }
      })
    return {
      begin,
      run: Effect.fnUntraced(function* (statement) {
        const exit = yield* (yield* begin(statement)).end
        return exit === undefined ? yield* Effect.die(new Error("It waits")) : yield* exit
      }),
      commit: Effect.andThen(
        Queue.offer(commands, () => Effect.succeed("commit" as const)),
        Fiber.join(fiber),
      ),
      rollBack: Effect.andThen(
        Queue.offer(commands, () => Effect.die(new Error("rolled back"))),
        Effect.asVoid(Fiber.await(fiber)),
      ),
      interrupt: Fiber.interrupt(fiber),
      end: Effect.andThen(settled, Effect.sync(() => fiber.pollUnsafe())),
    }
  })
