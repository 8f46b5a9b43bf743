/**
 * What a database has to be before a service starts on it. Each of these goes unnoticed otherwise, until some value or
 * statement meets it, long after the start. That it is no standby is seen whenever a connection is opened.
 */
import { Effect, Schema } from "effect"
import { ask, type Connection } from "./connection.ts"
import type { Pool } from "./pool.ts"
import { type Sql, sqlOn } from "./sql.ts"

/** The oldest version that the tests run on, as server_version_num has it. */
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

/** What is wrong with the database, with the remedies; nothing if all is well. Fails as the pool does. */
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
      `its encoding is ${encoding}, which cannot hold every name: make it anew, ` +
        `create database "${database}" encoding 'UTF8' template template0`,
    )
  }
  if (schema === null) {
    problems.push(
      `none of the schemas ${path} is there for ${role}: create schema "${role}" authorization ` +
        `"${role}", or name one with search_path in DATABASE_URL`,
    )
  } else if (elsewhere !== null) {
    problems.push(
      `its tables are in the schema ${elsewhere}, which the search path ${path} does not lead to: ` +
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
  "a pooler gives every transaction another session (transaction mode), and settings, " +
  "prepared statements and notifications are lost with it: use its session mode, or connect to PostgreSQL itself"

/**
 * Whether two connections are one session of the server, or one connection is two. A pooler gives out the session that was
 * given back last, so the second connection gets that of the first; or the one that was not used the longest, so the first
 * gets another one, unless there is only one. Others may come between, so it is tried more than once.
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

/** Not by a prepared statement, which another session does not know. */
const sessionOf = (connection: Connection) =>
  Effect.map(
    ask(connection, () => connection.driver.unsafe("select pg_backend_pid() as pid")),
    ([row]) => row!["pid"] as number,
  )
