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
   * Runs one transaction, again from the start when it lost a conflict. What it does first may only read and lock; what it
   * does by `last`, all of it at once, is committed without another round trip. Fails with Unavailable (rolled back) or
   * Unknown (it may have been committed).
   */
  readonly transaction: <A>(
    run: (tables: Tables, last: LastStatements) => Effect.Effect<A>,
  ) => Effect.Effect<A, Transient>
}

/** Runs the last statements of a transaction, and commits along with them. */
export type LastStatements = (statements: ReadonlyArray<Effect.Effect<void>>) => Effect.Effect<void>

/** The tables in a PostgreSQL database. */
export const sqlStore = <Tables>(
  { query, transaction }: Database["Service"],
  tables: (sql: Sql) => Tables,
): Store<Tables> => {
  const inContext = <A>(use: (promised: Promised) => Effect.Effect<A, Transient>) =>
    Effect.flatMap(Effect.context<never>(), (context) => use(Effect.runPromiseWith(context)))
  return {
    query: (run) => inContext((promised) => query((sql) => promised(run(tables(sql))))),
    transaction: (run) =>
      inContext((promised) =>
        transaction((sql, last) =>
          promised(
            run(
              tables(sql),
              (statements) =>
                Effect.promise(() =>
                  last(() => statements.map((statement) => promised(statement)))
                ),
            ),
          )
        )
      ),
  }
}

type Promised = <A>(effect: Effect.Effect<A>) => Promise<A>
