/**
 * The PostgreSQL of a test run: one throw-away cluster for all test files, started by vitest's
 * globalSetup, and a new database for each caller. Unsafe on purpose (no fsync), so that it is
 * fast. A test that stops or kills its server starts one of its own with startPostgres. When the
 * run is killed, the server stops by itself; the next run removes its files.
 */
import { Effect, Exit, Option, Scope } from "effect"
import { randomUUID } from "node:crypto"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import createClient from "postgres"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"

const variable = "UNWIND_TEST_POSTGRES_URL"
const prefix = "unwind-test-postgres-"

/**
 * The folder of its files: in memory if there is room, which halves the kernel's work for the
 * hundreds of databases of a run. TMPDIR overrides it.
 */
const folderOfRuns = (): string => {
  const memory = "/dev/shm"
  const enough = 2 * 2 ** 30
  try {
    const { bavail, bsize } = fs.statfsSync(memory)
    if (process.env["TMPDIR"] === undefined && bavail * bsize >= enough) return memory
  } catch {
    // Not Linux.
  }
  return os.tmpdir()
}

/**
 * Starts the cluster, unless UNWIND_TEST_POSTGRES_URL names one, and sets that variable. Returns
 * the teardown.
 */
export const setup = async (): Promise<() => Promise<void>> => {
  if (process.env[variable]) return () => Promise.resolve()
  await removeLeftovers()
  const dataDir = fs.mkdtempSync(path.join(folderOfRuns(), prefix))
  const scope = Scope.makeUnsafe()
  const { url } = await lockDataFolder(dataDir).pipe(
    Effect.andThen(startPostgres({ dataDir, durable: false })),
    Scope.provide(scope),
    Effect.runPromise,
  )
  process.env[variable] = url
  return async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    // A server that was killed may still be writing its last file.
    fs.rmSync(dataDir, { recursive: true, maxRetries: 20, retryDelay: 100 })
  }
}

/** A live run holds the lock of its folder; the folders of killed runs are free. */
const removeLeftovers = async (): Promise<void> => {
  const runs = folderOfRuns()
  for (const name of fs.readdirSync(runs)) {
    const folder = path.join(runs, name)
    if (!name.startsWith(prefix) || !fs.existsSync(path.join(folder, "lock"))) continue
    const abandoned = await lockDataFolder(folder).pipe(
      Effect.scoped,
      Effect.option,
      Effect.runPromise,
    )
    if (Option.isSome(abandoned)) fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** A new, empty database on the run's server, owned by the superuser that the URL connects as. */
export const createDatabase = async (
  name = "test",
): Promise<{ url: string; drop: () => Promise<void> }> => {
  const server = process.env[variable]
  if (!server) throw new Error(`${variable} is not set: vitest's globalSetup sets it`)
  const database = `${name}_${randomUUID()}`
  const run = async (statement: string) => {
    const sql = createClient(server, { max: 1, fetch_types: false, onnotice: () => {} })
    // The kernel copies the files if it can: half the work of a copy through the log.
    await sql`set file_copy_method = clone`.catch(() => {})
    await sql.unsafe(statement).finally(() => sql.end())
  }
  await run(`create database "${database}" strategy file_copy`)
  const url = new URL(server)
  url.pathname = database
  return { url: url.href, drop: () => run(`drop database if exists "${database}" with (force)`) }
}
