/**
 * A small database in memory that behaves like PostgreSQL at READ COMMITTED, as far as the services
 * use it. It outlives its processes. Their connections can fail like real ones: they are slow, are
 * refused, lose the answer of a commit, or end with their process.
 */
import { Cause, Effect, Exit } from "effect"
import { LostConflict } from "#shared/postgres/transaction.ts"
import type { LastStatements, Store } from "#shared/postgres/store.ts"
import { OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"
import { Table, type TableDefinition } from "./table.ts"
import { Transaction } from "./transaction.ts"

/** The change of one row by a commit. */
export interface Change {
  readonly table: string
  readonly key: string
  readonly before: object | undefined
  readonly after: object
}

export interface SimulatedDatabase {
  /** Called right after each commit that changed rows, with the changes in the order of writing. */
  onCommit: (changes: ReadonlyArray<Change>) => void
  readonly tables: Map<TableDefinition<object>, Table<object>>
  readonly open: Set<Transaction>
  /** The owners whose process ended. */
  readonly ended: Set<string>
}

/** The connection of a process to the database. */
export interface Connection {
  /** One run of one process. */
  readonly owner: string
  /** Runs before each statement, and again after a wait for a lock. May never end. */
  readonly statement: (name: string) => Effect.Effect<void>
  readonly begin: Effect.Effect<void, Unavailable>
  /** How a commit that changes rows ends: done, done without an answer, or not done. */
  readonly commit: Effect.Effect<"applied" | "lost answer" | "refused">
}

/** An empty database. The first use of a table makes it. */
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

/** Adds a committed row before anything happens. */
export const seed = <Row extends object>(
  database: SimulatedDatabase,
  definition: TableDefinition<Row>,
  row: Row,
): void => {
  const table = tableOf(database, definition)
  table.check(row)
  table.add(row).committed = row
}

/** The committed rows, oldest first. */
export const rows = <Row extends object>(
  database: SimulatedDatabase,
  definition: TableDefinition<Row>,
): ReadonlyArray<Row> => {
  const cells = tableOf(database, definition).cells.values()
  return [...cells].flatMap(({ committed }) => committed === undefined ? [] : [committed])
}

/** Ends a process: its transactions are rolled back, and never answer. */
export const endOwner = (database: SimulatedDatabase, owner: string): void => {
  database.ended.add(owner)
  for (const transaction of database.open) {
    if (transaction.connection.owner === owner) transaction.abandon()
  }
}

/** Restarts the database: open transactions are rolled back and fail with Unavailable. */
export const restart = ({ open }: SimulatedDatabase): void => {
  for (const transaction of open) transaction.fail(new ConnectionEnded())
}

class ConnectionEnded extends Error {
  /** PostgreSQL's own code for a shutdown that an administrator asked for. */
  readonly code = "57P01"
}

/**
 * The tables of a database for one process. A query is like a transaction, but is not retried after
 * a lost conflict. A wait for a lock has no timeout; a connection can simulate one.
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

/** What can come between the last statements and the commit can come between two statements too. */
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
