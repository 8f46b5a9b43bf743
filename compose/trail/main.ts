/** `npm run trail`: prints what the audit trail has of a user, an address or a time. */
import { Cause, Effect, Logger, Option, References } from "effect"
import { join } from "node:path"
import { openFolderPostgres } from "#compose/embedded/folder-postgres.ts"
import { serviceUrl } from "#compose/embedded/postgres-databases.ts"
import { embeddedSettings } from "#compose/embedded/settings.ts"
import { type FoundEntry, type TrailSearch, trailTable } from "#services/auth/trail-table.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"

/** Auth's database: the one that the environment names, else that of the data folder. */
const databaseUrl = Effect.gen(function* () {
  const environment = yield* Environment
  if (environment["DATABASE_URL"] || environment["DATABASE_URL_FILE"]) {
    const { DATABASE_URL } = yield* readSettings({ DATABASE_URL: databaseSettings.DATABASE_URL })
    return DATABASE_URL
  }
  const { DATA_DIR } = yield* readSettings({ DATA_DIR: embeddedSettings.DATA_DIR })
  const { url } = yield* openFolderPostgres(DATA_DIR, "DATABASE_URL to the database of auth")
  return serviceUrl(url, "auth")
})

const find = (search: TrailSearch) =>
  Effect.gen(function* () {
    const url = yield* databaseUrl
    const migrations = join(import.meta.dirname, "../../services/auth/migrations")
    return yield* Effect.flatMap(Database, ({ query }) =>
      query((sql) => trailTable(sql).search(search))).pipe(
        Effect.provide(databaseLayer({ service: "auth", url, poolSize: 2, migrations })),
      )
  }).pipe(Effect.provideService(OnlyLooking, true))

/** What is on record may be anything; a terminal is not to obey it. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?")

const line = (
  { at, event, outcome, reason, username, address, session, request, count }: FoundEntry,
) =>
  printable(
    [
      at.toISOString(),
      event.padEnd(18),
      (reason === null ? outcome : `${outcome} (${reason})`).padEnd(28),
      (username ?? "-").padEnd(16),
      (address ?? "-").padEnd(15),
      ...(session === null ? [] : [`session ${session}`]),
      ...(request === null ? [] : [`request ${request}`]),
      ...(count === 1 ? [] : [`${count} times`]),
    ].join("  ").trimEnd(),
  )

const main = (search: TrailSearch, json: boolean) =>
  find(search).pipe(
    Effect.scoped,
    Effect.map((found) => {
      for (const entry of found) console.log(json ? JSON.stringify(entry) : line(entry))
      return 0
    }),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      const error = Option.getOrUndefined(Cause.findErrorOption(cause))
      console.error(`Cannot look at the audit trail: ${error?.message ?? Cause.pretty(cause)}`)
      return Effect.succeed(2)
    }),
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

const given = parseArguments(process.argv.slice(2), Date.now())
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  case "run":
    runMain(main(given.search, given.json), 130)
}
