/**
 * Emergency rotation, for a signing key that somebody else may have. In one transaction, all keys
 * are removed from auth's database, a new one is made, and the audit trail records it. The new one
 * signs at once; services have forgotten the others 30 seconds later.
 */
import { Clock, Context, Effect, Layer, type Scope } from "effect"
import { join } from "node:path"
import { readSettings } from "#shared/config/settings.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { replaceKeys } from "./key-store.ts"
import { keyWrapping, signingKeysSecret } from "./key-wrapping.ts"
import { trailTable } from "./trail-table.ts"

export interface Replaced {
  readonly made: string
  readonly removed: ReadonlyArray<string>
}

/**
 * Replaces the keys of the database that the environment names. Fails with a message for a person.
 */
export const replaceSigningKeys: Effect.Effect<
  Replaced,
  { readonly message: string },
  Scope.Scope
> = Effect.gen(function* () {
  const settings = yield* readSettings({ ...databaseSettings, ...signingKeysSecret })
  const context = yield* Layer.build(databaseLayer({
    service: "auth",
    url: settings.DATABASE_URL,
    poolSize: settings.DATABASE_POOL,
    migrations: join(import.meta.dirname!, "migrations"),
  })).pipe(Effect.provideService(OnlyLooking, true))
  const now = yield* Clock.currentTimeMillis
  return yield* Context.get(context, Database).transaction((sql) =>
    Effect.tap(
      replaceKeys(sql, keyWrapping(settings.SIGNING_KEYS_SECRET), now),
      () =>
        trailTable(sql).insert([{
          id: crypto.randomUUID(),
          event: "key-rotation",
          outcome: "done",
          atMs: now,
          count: 1,
          request: undefined,
        }]),
    )
  )
})
