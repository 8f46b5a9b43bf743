/** Statements that wait for a lock, in one database of a server that all tests share. */
import type { Sql } from "postgres"

/** How many statements in the client's own database, matching the LIKE pattern, wait for a lock. */
export const waitingForLocks = async (sql: Sql, like = "%"): Promise<number> =>
  (await sql`
    select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like ${like}`).count
