/**
 * Auth's database, for the commands of people with access to it: the one that the environment names
 * (as in auth's container), or else the one in the data folder, running or not. Nothing is
 * migrated: a database of an older version is refused with a message.
 */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { openFolderDatabases } from "./postgres/postgres.ts"
import { embeddedSettings } from "./settings.ts"

const databaseUrl = Effect.gen(function* () {
  const environment = yield* Environment
  if (environment["DATABASE_URL"] || environment["DATABASE_URL_FILE"]) {
    const { DATABASE_URL } = yield* readSettings({ DATABASE_URL: databaseSettings.DATABASE_URL })
    return DATABASE_URL
  }
  const { DATA_DIR } = yield* readSettings({ DATA_DIR: embeddedSettings.DATA_DIR })
  const databaseOf = yield* openFolderDatabases(DATA_DIR, "DATABASE_URL to the database of auth")
  return databaseOf("auth")
})

/** Fails with a message for a person. */
export const authDatabase = Layer.unwrap(
  Effect.map(databaseUrl, (url) => {
    const migrations = join(import.meta.dirname!, "../../services/auth/migrations")
    return databaseLayer({ service: "auth", url, poolSize: 2, migrations })
  }),
).pipe(Layer.provide(Layer.succeed(OnlyLooking, true)))
