/** `npm run trail`: prints the audit trail's entries for a user, an address or a time. */
import { Effect } from "effect"
import { authDatabase } from "#compose/embedded/auth-database.ts"
import { command } from "#shared/command/command.ts"
import { printable } from "#shared/command/printable.ts"
import { type FoundEntry, type TrailSearch, trailTable } from "#services/auth/trail-table.ts"
import { Database } from "#shared/postgres/database.ts"
import { trailSyntax } from "./arguments.ts"

const find = (search: TrailSearch) =>
  Effect.flatMap(Database, ({ query }) => query((sql) => trailTable(sql).search(search))).pipe(
    Effect.provide(authDatabase),
  )

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

command(trailSyntax(Date.now()), ({ search, json }) =>
  find(search).pipe(
    Effect.scoped,
    Effect.map((found) => {
      for (const entry of found) console.log(json ? JSON.stringify(entry) : line(entry))
    }),
  ), { failure: { says: "Cannot read the audit trail: ", code: 2 } }).main(process.argv.slice(2))
