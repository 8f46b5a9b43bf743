/** `npm run trail`: prints what the audit trail has of a user, an address or a time. */
import { Cause, Effect, Logger, Option, References } from "effect"
import { authDatabase } from "#compose/embedded/auth-database.ts"
import { type FoundEntry, type TrailSearch, trailTable } from "#services/auth/trail-table.ts"
import { Database } from "#shared/postgres/database.ts"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"

const find = (search: TrailSearch) =>
  Effect.flatMap(Database, ({ query }) => query((sql) => trailTable(sql).search(search))).pipe(
    Effect.provide(authDatabase),
  )

/** What is on record may be anything; a terminal is not to obey it. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?")

const line = (
  { at, event, outcome, reason, username, address, session, target, why, request, count }:
    FoundEntry,
) =>
  printable(
    [
      at.toISOString(),
      event.padEnd(18),
      (reason === null ? outcome : `${outcome} (${reason})`).padEnd(28),
      (username ?? "-").padEnd(16),
      (address ?? "-").padEnd(15),
      ...(session === null ? [] : [`session ${session}`]),
      ...(target === null ? [] : [`target ${target}`]),
      ...(why === null ? [] : [`because: ${why}`]),
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
