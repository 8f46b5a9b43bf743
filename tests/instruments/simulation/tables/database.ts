/**
 * A small database in memory that behaves as PostgreSQL does at READ COMMITTED, for what the
 * services ask of it. It outlives the processes that use it, and each of them reaches it by way of
 * connections that can do what real ones do: be slow, be refused, lose the answer of a commit, or
 * end with their process.
 */
import { Cause, Effect, Exit } from "effect"
import { LostConflict } from "#shared/postgres/transaction.ts"
import type { LastStatements, Store } from "#shared/postgres/store.ts"
import { OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"
import { Table, type TableDefinition } from "./table.ts"
import { Transaction } from "./transaction.ts"

/** What a commit did to one row. */
export interface Change {
  readonly table: string
  readonly key: string
  readonly before: object | undefined
  readonly after: object
}

export interface SimulatedDatabase {
  /**
   * Told of every commit that changed something, when it has just happened; in the order of the
   * writing.
   */
  onCommit: (changes: ReadonlyArray<Change>) => void
  readonly tables: Map<TableDefinition<object>, Table<object>>
  readonly open: Set<Transaction>
  /** The owners whose process has died. */
  readonly ended: Set<string>
}

/** What a process does and meets on its way to the database. */
export interface Connection {
  /** One run of one process. */
  readonly owner: string
  /**
   * Comes before each statement, and again when one goes on that waited for a lock. May take time,
   * or never return.
   */
  readonly statement: (name: string) => Effect.Effect<void>
  readonly begin: Effect.Effect<void, Unavailable>
  /**
   * How the commit of what has changed something ends: done, done without the process being told,
   * or not done.
   */
  readonly commit: Effect.Effect<"applied" | "lost answer" | "refused">
}

/** A database with nothing in it; its tables are made by whoever uses them first. */
export const makeDatabase = (): SimulatedDatabase => ({
  onCommit: () => {},
  tables: new Map(),
  open: new Set(),
  ended: new Set(),
})

export const tableOf = <Row extends object>(
  { tables }: SimulatedDatabase,
  definition: TableDefinition<Row>,
): Table<Row> => {
  const known = tables.get(definition as TableDefinition<object>)
  if (known !== undefined) return known as Table<object> as Table<Row>
  const table = new Table(definition)
  tables.set(definition as TableDefinition<object>, table as Table<object>)
  return table
}

/** Puts a row there before anything happens. */
export const seed = <Row extends object>(
  database: SimulatedDatabase,
  definition: TableDefinition<Row>,
  row: Row,
): void => {
  const table = tableOf(database, definition)
  table.check(row)
  table.add(row).committed = row
}

/** The rows that are committed, oldest first. */
export const rows = <Row extends object>(
  database: SimulatedDatabase,
  definition: TableDefinition<Row>,
): ReadonlyArray<Row> => {
  const cells = tableOf(database, definition).cells.values()
  return [...cells].flatMap(({ committed }) => committed === undefined ? [] : [committed])
}

/**
 * A process has died: what it has not committed is rolled back, and of its transactions nothing is
 * heard any more.
 */
export const endOwner = (database: SimulatedDatabase, owner: string): void => {
  database.ended.add(owner)
  for (const transaction of database.open) {
    if (transaction.connection.owner === owner) transaction.abandon()
  }
}

/**
 * The database restarts: what is not committed is rolled back, and all transactions fail with
 * Unavailable.
 */
export const restart = ({ open }: SimulatedDatabase): void => {
  for (const transaction of open) transaction.fail(new ConnectionEnded())
}

class ConnectionEnded extends Error {
  /** PostgreSQL's own code for a shutdown that an administrator asked for. */
  readonly code = "57P01"
}

/**
 * The tables of a database as a process uses them. A single query passes through the same as a
 * transaction does, but is not begun again when it lost a conflict. Locks are waited for without
 * end: that a server's timeouts cut such a wait short is for whoever connects to play.
 */
export const connect = <Tables>(
  database: SimulatedDatabase,
  tablesOf: (transaction: Transaction) => Tables,
  connection: Connection,
): Store<Tables> => {
  const attempt = <A>(
    run: (tables: Tables, last: LastStatements) => Effect.Effect<A>,
    times: number,
  ): Effect.Effect<A, Transient> =>
    Effect.catchCause(
      once(database, connection, (transaction) => run(tablesOf(transaction), atOnce)),
      (cause) => {
        const defect = cause.reasons.find(Cause.isDieReason)?.defect
        if (defect instanceof LostConflict && times > 1) return attempt(run, times - 1)
        if (defect instanceof LostConflict || defect instanceof ConnectionEnded) {
          return Effect.fail(notNow(defect.code))
        }
        return Exit.failCause(cause)
      },
    )
  return { query: (run) => attempt(run, 1), transaction: (run) => attempt(run, 6) }
}

/**
 * Nothing can come between a transaction's last statements and its commit that could not come
 * between two statements.
 */
export const atOnce: LastStatements = (statements) =>
  Effect.all(statements, { concurrency: "unbounded" })

const once = <A>(
  database: SimulatedDatabase,
  connection: Connection,
  run: (transaction: Transaction) => Effect.Effect<A>,
): Effect.Effect<A, Transient> =>
  Effect.flatMap(connection.begin, () => {
    let transaction: Transaction | undefined
    const body = Effect.suspend(() => {
      if (database.ended.has(connection.owner)) return Effect.never
      const begun = transaction = new Transaction(database, connection)
      return Effect.flatMap(run(begun), (value) => commit(begun, value))
    })
    return Effect.onExit(body, () => {
      transaction?.rollback()
      return Effect.void
    })
  })

const commit = <A>(transaction: Transaction, value: A): Effect.Effect<A, Transient> =>
  Effect.flatMap(transaction.connection.commit, (end): Effect.Effect<A, Transient> => {
    if (!transaction.isOpen) return transaction.refused()
    if (end === "refused") return Effect.fail(notNow("refused"))
    transaction.commit()
    if (end === "applied") return Effect.succeed(value)
    return Effect.fail(
      new OutcomeUnknown({ message: "The database did not answer (CONNECTION_CLOSED)" }),
    )
  })

const notNow = (code: string) =>
  new Unavailable({ message: `The database cannot be used now (${code})` })
