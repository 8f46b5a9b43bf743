/**
 * Tables behind a port: what a service does with its tables, without the SQL. The rules stand on this port, so they run
 * unchanged over PostgreSQL and over the tables that the simulation keeps in memory.
 */
import type { Effect } from "effect"
import type { Transient } from "#shared/transient.ts"
import type { Sql } from "./sql.ts"

/** What is done with tables are Effects that cannot fail: an error is a defect, and ends the transaction. */
export interface Store<Tables> {
  /** Runs one statement. Fails with Unavailable or Unknown. */
  readonly query: <A>(run: (tables: Tables) => Effect.Effect<A>) => Effect.Effect<A, Transient>
  /**
   * Runs one transaction, again from the start when it lost a conflict with another one. What it does first goes out along
   * with BEGIN: should BEGIN itself be refused, it stands alone, so it only reads and locks, or may happen all the same. Fails
   * with Unavailable (rolled back) or Unknown (the connection broke: it may have been committed).
   */
  readonly transaction: <A>(
    run: (tables: Tables, last: LastStatements) => Effect.Effect<A>,
  ) => Effect.Effect<A, Transient>
}

/**
 * Runs the last statements of a transaction, all at once, and sends COMMIT along with them, which saves its round trip; gives
 * what they gave when all is committed. One that PostgreSQL refuses undoes them all, and the first one tells why.
 */
export type LastStatements = <A>(
  statements: ReadonlyArray<Effect.Effect<A>>,
) => Effect.Effect<ReadonlyArray<A>>

/** The tables in a PostgreSQL database. */
export const tablesIn = <Tables>(
  { query, transaction }: Store<Sql>,
  tables: (sql: Sql) => Tables,
): Store<Tables> => ({
  query: (run) => query((sql) => run(tables(sql))),
  transaction: (run) => transaction((sql, last) => run(tables(sql), last)),
})
