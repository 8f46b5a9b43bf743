/**
 * The PostgreSQL of a test run: one throw-away cluster for all test files, started by vitest's
 * globalSetup, and a new database for each caller. Unsafe on purpose (no fsync), so that it is
 * fast. A test that stops or kills its server starts one of its own with startPostgres. When the
 * run is killed, the server stops by itself.
 */
import { Effect, Exit, Scope } from "effect"
import { randomUUID } from "node:crypto"
import createClient, { type Sql } from "postgres"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"

const variable = "UNWIND_TEST_POSTGRES_URL"

/**
 * Starts the cluster in that folder, unless UNWIND_TEST_POSTGRES_URL names one, and sets that
 * variable. Returns what stops it.
 */
export const startRunsPostgres = async (dataDir: string): Promise<() => Promise<void>> => {
  if (process.env[variable]) return () => Promise.resolve()
  const scope = Scope.makeUnsafe()
  const { url } = await startPostgres({ dataDir, durable: false }).pipe(
    Scope.provide(scope),
    Effect.runPromise,
  )
  process.env[variable] = url
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}

const administrators = new Map<string, Sql>()

/** This process's connection to the server: to open one costs half as much as a database. */
const administratorOf = (server: string): Sql => {
  const known = administrators.get(server)
  if (known !== undefined) return known
  const sql = createClient(server, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    idle_timeout: 5,
  })
  administrators.set(server, sql)
  return sql
}

/** A new, empty database on the run's server, owned by the superuser that the URL connects as. */
export const createDatabase = async (
  name = "test",
): Promise<{ url: string; drop: () => Promise<void> }> => {
  const server = process.env[variable]
  if (!server) throw new Error(`${variable} is not set: vitest's globalSetup sets it`)
  const database = `${name}_${randomUUID()}`
  const sql = administratorOf(server)
  // The kernel copies the files if it can: half the work of a copy through the log.
  await sql`set file_copy_method = clone`.catch(() => {})
  await sql.unsafe(`create database "${database}" strategy file_copy`)
  const url = new URL(server)
  url.pathname = database
  return {
    url: url.href,
    drop: async () => void (await sql.unsafe(`drop database if exists "${database}" with (force)`)),
  }
}
