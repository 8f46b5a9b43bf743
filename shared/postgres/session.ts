/**
 * The settings of a session. PostgreSQL takes settings from the server, the database, the role and
 * the client, in this order. Reading, writing and planning here depend on some of them, so the
 * client sets these for every session: in the first statement and not in the startup message, since
 * poolers refuse startup parameters that they do not know.
 */

/**
 * The code relies on these: how values are written and read, what a statement means, how it is
 * planned.
 */
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
  // A plan made while a table was tiny lives as long as the connection. For a tiny table, reading
  // all of it looks as cheap as an index look-up; so these plan types are left only for where there
  // is no other.
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_indexscan: "on",
  enable_indexonlyscan: "on",
  enable_nestloop: "on",
  enable_sort: "on",
  // Before PostgreSQL 18, a disabled plan type costs so much that JIT compilation seems worth it.
  jit: "off",
}

/** Defaults that the URL may override. */
const unlessGiven = {
  search_path: '"$user", public',
  statement_timeout: "10s",
  lock_timeout: "8s",
  idle_in_transaction_session_timeout: "15s",
}

export const isFixed = (name: string): boolean => Object.hasOwn(fixed, name)

/** The state of a session. */
export interface Session {
  readonly standby: boolean
  readonly read_only: boolean
}

/** Returns one row, a Session. */
export const sessionStatement = "select pg_is_in_recovery() as standby, " +
  "current_setting('transaction_read_only')::boolean as read_only"

/**
 * The statement that makes the settings; returns one row, a Session. `given` has names in lower
 * case.
 */
export const firstStatement = (given: ReadonlyMap<string, string>): string => {
  const settings = Object.entries({ ...unlessGiven, ...Object.fromEntries(given), ...fixed })
  const calls = settings.map(([name, value]) =>
    `set_config(${literal(name)}, ${literal(value)}, false)`
  )
  return `${sessionStatement}, ${calls.join(", ")}`
}

/** Independent of standard_conforming_strings. */
const literal = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

/** Why the session is not writable, if so: an error with PostgreSQL's code for it. */
export const whyNotWritable = ({ standby, read_only }: Session): Error | undefined => {
  if (standby) return notWritable("it is a standby: name the address of the primary")
  if (!read_only) return undefined
  return notWritable(
    "it is read-only: turn default_transaction_read_only off for the server, database and role",
  )
}

const notWritable = (message: string) => Object.assign(new Error(message), { code: "25006" })
