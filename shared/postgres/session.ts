/**
 * What a session is made of before anybody uses it. PostgreSQL takes its settings from the server, the database, the role and
 * the client, in this order; what is read, written and planned here depends on some, so the client says them, for every
 * session. They are said in its first statement and not in the startup message, in which a pooler refuses what it does not know.
 */

/** What the code stands on: how values are written and read, what a statement means, how it is planned. */
const fixed: Readonly<Record<string, string>> = {
  client_encoding: "UTF8",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  standard_conforming_strings: "on",
  array_nulls: "on",
  default_transaction_isolation: "read committed",
  plan_cache_mode: "auto",
  // A plan made while a table was tiny lives as long as the connection. Then to read all of it, by whatever way, looks as
  // cheap as to look up what is asked for; so those ways are left only where there is no other.
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_indexscan: "on",
  enable_indexonlyscan: "on",
  enable_nestloop: "on",
  enable_sort: "on",
  // A way that is off is costed so high, before PostgreSQL 18, that compiling the plan would seem worth it.
  jit: "off",
}

/** What the URL may set otherwise. */
const unlessGiven = {
  search_path: '"$user", public',
  statement_timeout: "10s",
  lock_timeout: "8s",
  idle_in_transaction_session_timeout: "15s",
}

export const isFixed = (name: string): boolean => Object.hasOwn(fixed, name)

/** What a session is just now. */
export interface Session {
  readonly standby: boolean
  readonly read_only: boolean
}

/** Its one row is a Session. */
export const sessionStatement = "select pg_is_in_recovery() as standby, " +
  "current_setting('transaction_read_only')::boolean as read_only"

/** The statement that makes the settings; its one row is a Session. Settings are by their names in lower case. */
export const firstStatement = (given: ReadonlyMap<string, string>): string => {
  const settings = Object.entries({ ...unlessGiven, ...Object.fromEntries(given), ...fixed })
  const calls = settings.map(([name, value]) =>
    `set_config(${literal(name)}, ${literal(value)}, false)`
  )
  return `${sessionStatement}, ${calls.join(", ")}`
}

/** Means the same whatever standard_conforming_strings is. */
const literal = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

/** Why it cannot be written to, if so: an error with the code that PostgreSQL has for it. */
export const whyNotWritable = ({ standby, read_only }: Session): Error | undefined => {
  if (standby) return notWritable("it is a standby: name the address of the primary")
  if (!read_only) return undefined
  return notWritable(
    "it is read-only: turn default_transaction_read_only off for the server, database and role",
  )
}

const notWritable = (message: string) => Object.assign(new Error(message), { code: "25006" })
