/**
 * A Database over one URL, for the scope of the test: the real layer, with settings that suit a
 * test.
 */
import { Context, Effect, Layer, Schedule, type Scope } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import createClient, { type Sql } from "postgres"
import { Database, type DatabaseError, databaseLayer } from "#shared/postgres/database.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"

export type Settings = Readonly<Record<string, string>>

/** A folder that is removed with the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "unwind-test-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

/** A new database on the server of the test run; returns its URL. */
export const newDatabase: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => createDatabase()),
  ({ drop }) => Effect.promise(drop),
).pipe(Effect.map(({ url }) => url))

/** A separate client, to watch what the Database under test does and to interfere with it. */
export const onlooker = (url: string): Effect.Effect<Sql, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => createClient(url, { max: 2, onnotice: () => {} })),
    (sql) => Effect.promise(() => sql.end({ timeout: 1 })),
  )

/** Opens a Database; PostgreSQL's settings go into its URL, as an operator would write them. */
export const openDatabase = (
  url: string,
  options: {
    readonly poolSize?: number
    readonly settings?: Settings
    readonly migrations?: string
  } = {},
): Effect.Effect<Database["Service"], DatabaseError, Scope.Scope> =>
  Effect.gen(function* () {
    const withSettings = new URL(url)
    for (const [name, value] of Object.entries(options.settings ?? {})) {
      withSettings.searchParams.set(name, value)
    }
    const context = yield* Layer.build(databaseLayer({
      service: "test",
      url: withSettings,
      poolSize: options.poolSize ?? 4,
      migrations: options.migrations ?? (yield* temporaryFolder),
    }))
    return Context.get(context, Database)
  })

/** Waits for something to happen in the server, up to a limit. */
export const until = (
  what: string,
  condition: () => boolean | Promise<boolean>,
): Effect.Effect<void> =>
  Effect.promise(() => Promise.resolve(condition())).pipe(
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), while: (met) => !met }),
    Effect.timeoutOrElse({
      duration: patienceMs,
      orElse: () => Effect.die(new Error(`the test waited in vain for ${what}`)),
    }),
    Effect.asVoid,
  )

/** Cuts every connection of the Database under test, as a failover does. */
export const cutConnections = (sql: Sql): Effect.Effect<number> =>
  Effect.promise(async () => {
    const cut = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'unwind-test'`
    return cut.count
  })
