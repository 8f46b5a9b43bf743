/**
 * A port for a service's tables, without SQL. The rules depend on this port, so they run unchanged
 * over PostgreSQL and over the simulation's tables in memory.
 */
import type { Effect } from "effect"
import type { Transient } from "#shared/transient.ts"
import type { Sql } from "./sql.ts"

/**
 * Operations on tables are Effects that cannot fail: an error is a defect, and ends the
 * transaction.
 */
export interface Store<Tables> {
  /** Runs one statement. Fails with Unavailable or OutcomeUnknown. */
  readonly query: <A>(run: (tables: Tables) => Effect.Effect<A>) => Effect.Effect<A, Transient>
  /**
   * Runs one transaction, and again from the start if it lost a conflict. Its first statements are
   * sent along with BEGIN; if BEGIN itself is refused, they run alone. So they must only read or
   * lock, or be harmless alone. Fails with Unavailable (rolled back), or with an unknown outcome
   * (the connection broke: it may have been committed).
   */
  readonly transaction: <A>(
    run: (tables: Tables, last: LastStatements) => Effect.Effect<A>,
  ) => Effect.Effect<A, Transient>
}

/**
 * Runs the last statements of a transaction concurrently and sends COMMIT along with them, which
 * saves its round trip; returns their results after the commit. If PostgreSQL refuses one, all are
 * undone, and the error is that of the first one.
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
