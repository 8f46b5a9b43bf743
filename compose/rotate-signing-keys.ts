/**
 * `npm run keys -- --rotate`: the emergency rotation of auth's signing keys. It uses the database
 * that the environment names, as in auth's container, or else the one in the data folder of
 * `npm start`, which may be running or not.
 */
import { Console, Effect, References } from "effect"
import path from "node:path"
import { openFolderDatabases } from "#compose/embedded/postgres/postgres.ts"
import { embeddedSettings } from "#compose/embedded/settings.ts"
import { replaceSigningKeys } from "#services/auth/replace-keys.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"

type Environment = typeof Environment["Service"]

/** Fails with a message for a person. */
export const rotateSigningKeys = (
  environment: Environment,
): Effect.Effect<void, { readonly message: string }> =>
  Effect.gen(function* () {
    const names = ["DATABASE_URL", "DATABASE_URL_FILE"]
    const known = names.some((name) => environment[name])
      ? environment
      : yield* inDataFolder(environment)
    const { made, removed } = yield* Effect.provideService(replaceSigningKeys, Environment, known)
    yield* Console.log(
      `Signing keys removed: ${removed.join(", ") || "none"}. The new key is ${made}. Within 30 ` +
        "seconds no service accepts a token of the others: everybody has to log in again.",
    )
  }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Warn"))

const inDataFolder = Effect.fnUntraced(function* (environment: Environment) {
  const { DATA_DIR } = yield* readSettings({ DATA_DIR: embeddedSettings.DATA_DIR }).pipe(
    Effect.provideService(Environment, environment),
  )
  const databaseOf = yield* openFolderDatabases(
    DATA_DIR,
    "DATABASE_URL and SIGNING_KEYS_SECRET_FILE to what auth has",
  )
  return {
    ...environment,
    DATABASE_URL: databaseOf("auth").href,
    SIGNING_KEYS_SECRET: undefined,
    SIGNING_KEYS_SECRET_FILE: keyFiles(path.join(DATA_DIR, "secrets")).signingKeysSecret,
  }
})
