/**
 * Tables behind a port: what a service does with its tables, without the SQL. The rules stand on this port, so they run
 * unchanged over PostgreSQL and over the tables that the simulation keeps in memory.
 */
import { Effect } from "effect"
import type { Transient } from "#shared/transient.ts"
import type { Database, Sql } from "./database.ts"

/** Statements are Effects that can not fail: an error of one is a defect, and ends the transaction. */
export interface Store<Tables> {
  /** Runs one statement. Fails with Unavailable or Unknown. */
  readonly query: <A>(run: (tables: Tables) => Effect.Effect<A>) => Effect.Effect<A, Transient>
  /**
   * Runs one transaction, again from the start when it lost a conflict. Fails with Unavailable (rolled back) or Unknown
   * (it may have been committed).
   */
  readonly transaction: <A>(
    run: (tables: Tables) => Effect.Effect<A>,
  ) => Effect.Effect<A, Transient>
}

/** The tables in a PostgreSQL database. */
export const sqlStore = <Tables>(
  { query, transaction }: Database["Service"],
  tables: (sql: Sql) => Tables,
): Store<Tables> => {
  const over = (use: typeof transaction): Store<Tables>["transaction"] => (run) =>
    Effect.flatMap(Effect.context<never>(), (context) => {
      const promised = Effect.runPromiseWith(context)
      return use((sql) => promised(run(tables(sql))))
    })
  return { query: over(query), transaction: over(transaction) }
}
