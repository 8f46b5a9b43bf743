/**
 * Databases that are only looked at, as the audit does: what is older than this checkout stays as it is, for its own version
 * to go on with, and is refused in words.
 */
import { Context, Effect, Schema } from "effect"
import type { Sql } from "./sql.ts"

/** Whether databases are only looked at: nothing in them is made, migrated or filled. */
export const OnlyLooking = Context.Reference<boolean>("unwind/postgres/OnlyLooking", {
  defaultValue: () => false,
})

/** The database has not had all migrations, and is not to be changed. */
export class OlderVersion extends Error {}

/** Dies with OlderVersion, which names those of the migrations that the database has not had. */
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
      `its database is of an older version (without ${pending.join(", ")}): start the system in ` +
        "this version, which brings it up to date, or look with the version that made it",
    ),
  )
})
