/**
 * The preconditions of a database, checked before a service starts on it. A violation would
 * otherwise show only when some value or statement meets it, long after the start. Standbys are
 * detected whenever a connection opens.
 */
import { Effect, Schema } from "effect"
import { ask, type Connection } from "./connection.ts"
import type { Pool } from "./pool.ts"
import { type Sql, sqlOn } from "./sql.ts"

/** The oldest version that is tested, in the format of server_version_num. */
export const oldestVersion = 15_00_00

const Facts = Schema.Struct({
  encoding: Schema.String,
  version: Schema.Int,
  versionName: Schema.String,
  database: Schema.String,
  role: Schema.String,
  schema: Schema.NullOr(Schema.String),
  mayCreate: Schema.NullOr(Schema.Boolean),
  path: Schema.String,
  elsewhere: Schema.NullOr(Schema.String),
})

/** What is wrong with the database, with remedies; empty if nothing is. Fails as the pool does. */
export const problemsOf = (pool: Pool, size: number) =>
  Effect.gen(function* () {
    const facts = yield* pool.use((connection) => factsOf(sqlOn(connection).sql))
    const shared = yield* isPooledByTransaction(pool, size)
    return [...databaseProblems(facts), ...(shared ? [transactionMode] : [])]
  })

const factsOf = (sql: Sql) =>
  Effect.map(
    sql.rows(Facts)`
      select current_setting('server_encoding') as encoding,
        current_setting('server_version_num')::int as version,
        current_setting('server_version') as "versionName",
        current_database() as database, current_user as role, current_schema() as schema,
        has_schema_privilege(current_schema(), 'create') as "mayCreate",
        current_setting('search_path') as path,
        (select nspname from pg_class join pg_namespace on relnamespace = pg_namespace.oid
          where relname = 'migrations' and to_regclass('migrations') is null and nspname = any (
            select translate(unnest(string_to_array(reset_val, ',')), '" ', '')
            from pg_settings where name = 'search_path') limit 1) as elsewhere`,
    ([facts]) => facts!,
  )

const databaseProblems = (
  { encoding, version, versionName, database, role, schema, mayCreate, path, elsewhere }:
    typeof Facts.Type,
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (version < oldestVersion) {
    problems.push(
      `PostgreSQL ${versionName} is too old: use PostgreSQL ${oldestVersion / 10_000} or newer`,
    )
  }
  if (encoding !== "UTF8") {
    problems.push(
      `its encoding is ${encoding}, which cannot store every name: create it again, ` +
        `create database "${database}" encoding 'UTF8' template template0`,
    )
  }
  if (schema === null) {
    problems.push(
      `none of the schemas ${path} exists for ${role}: create schema "${role}" authorization ` +
        `"${role}", or name one with search_path in DATABASE_URL`,
    )
  } else if (elsewhere !== null) {
    problems.push(
      `its tables are in the schema ${elsewhere}, which is not on the search path ${path}: ` +
        `add search_path=${elsewhere} to DATABASE_URL`,
    )
  } else if (!mayCreate) {
    problems.push(
      `${role} may not create tables in the schema ${schema}: ` +
        `grant create on schema "${schema}" to "${role}"`,
    )
  }
  return problems
}

const transactionMode =
  "a pooler gives every transaction another session (transaction mode), which loses settings, " +
  "prepared statements and notifications: use its session mode, or connect to PostgreSQL directly"

/**
 * Whether two connections share one session of the server, or one connection changes sessions. A
 * pooler hands out either the session that was returned last, so the second connection gets that of
 * the first; or the one that was idle the longest, so the first connection gets another one, unless
 * there is only one. Other clients may interfere, so it is tried more than once.
 */
const isPooledByTransaction = (pool: Pool, size: number) =>
  Effect.gen(function* () {
    for (let round = 1; round <= 3; round++) {
      const found = yield* pool.use((first) =>
        Effect.gen(function* () {
          const [one, again] = [yield* sessionOf(first), yield* sessionOf(first)]
          if (one !== again || size < 2) return one !== again
          const other = yield* Effect.orDie(pool.use(sessionOf))
          return other === one || (yield* sessionOf(first)) !== one
        })
      )
      if (found) return true
    }
    return false
  })

/** Not a prepared statement: another session would not know it. */
const sessionOf = (connection: Connection) =>
  Effect.map(
    ask(connection, () => connection.driver.unsafe("select pg_backend_pid() as pid")),
    ([row]) => row!["pid"] as number,
  )
