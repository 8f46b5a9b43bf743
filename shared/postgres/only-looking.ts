/**
 * Read-only use of databases, as by the audit. A database of an older version is refused with a
 * message and not migrated, so that the older version can still use it.
 */
import { Context, Effect, Schema } from "effect"
import type { Sql } from "./sql.ts"

/** Whether databases are only read: nothing in them is created, migrated or filled. */
export const OnlyLooking = Context.Reference<boolean>("unwind/postgres/OnlyLooking", {
  defaultValue: () => false,
})

/** The database lacks migrations, and must not be changed. */
export class OlderVersion extends Error {}

/** Dies with OlderVersion, which names the missing migrations. */
export const holdsAll = Effect.fnUntraced(function* (sql: Sql, names: ReadonlyArray<string>) {
  const [made] = yield* sql.rows(Schema.Struct({ made: Schema.Boolean }))`
    select to_regclass('migrations') is not null as made`
  const applied = made?.made
    ? yield* sql.rows(Schema.Struct({ name: Schema.String }))`select name from migrations`
    : []
  const pending = names.filter((name) => !applied.some((row) => row.name === name))
  if (pending.length === 0) return
  return yield* Effect.die(
    new OlderVersion(
      `its database is from an older version (without ${pending.join(", ")}): start the system ` +
        "in this version, which migrates it, or use the version that made it",
    ),
  )
})
