/**
 * The records in a data folder, for the audit: the folder's PostgreSQL, running or not, and the
 * services that keep records, connected in memory. If the system is running, this is like another
 * replica that takes no orders. Nothing in the folder is made, migrated or filled, whichever
 * version made it. A service whose records cannot be read is left out.
 */
import { Effect, type Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { addressSettings } from "#services/orchestrator/settings.ts"
import { orderRecords } from "#services/orders/audit-service.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import type { Doors } from "#shared/http/doors.ts"
import type { Fetch } from "#shared/http/client.ts"
import { DatabaseError } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import type { ServiceName } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { startWithin } from "#shared/service/service.ts"
import { addressesWithin, isElsewhere, isHere, nowhere } from "./elsewhere.ts"
import { withNotedAddresses } from "./noted-addresses.ts"
import { openFolderDatabases } from "./postgres/postgres.ts"
import { serviceNamed, type ServicesOptions, wiredTo } from "./services.ts"
import { StartError } from "./start-error.ts"

type Environment = ServicesOptions["environment"]

export interface OpenRecords {
  /** The orchestrator's settings for calling the services. */
  readonly environment: Environment
  readonly fetch: typeof Fetch["Service"]
  /** The services whose records cannot be read, and why. */
  readonly unreadable: ReadonlyMap<ParticipantName | "orders", string>
}

/** What to set if the records are not in a folder. */
const whereElse = `${Object.keys(addressSettings).join(", ")} to the services' addresses`

/** Opens the records until the scope closes. Fails with a message for a person. */
export const openRecords = (
  dataDir: string,
  given: Environment,
): Effect.Effect<OpenRecords, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const databaseOf = yield* openFolderDatabases(dataDir, whereElse)
    const environment = yield* withNotedAddresses(dataDir, given)
    const isReadHere = isHere(environment)
    const away = participantNames.filter((name) => !isReadHere(name))
    // Services elsewhere know only the folder's keys.
    const { privateKey, publicKeys } = keyFiles(
      away.length > 0 ? path.join(dataDir, "secrets") : yield* passingKeys,
    )
    const addresses = addressesWithin(environment)
    const settingsOf = (name: ServiceName) => ({
      ...environment,
      ...addresses,
      DATABASE_URL: databaseOf(name).href,
      SERVICE_PUBLIC_KEYS: publicKeys,
    })
    const apps: Partial<Record<ServiceName, Doors>> = {}
    const unreadable = new Map<ParticipantName | "orders", string>()
    const open = Effect.fnUntraced(
      function* (name: ParticipantName | "orders") {
        apps[name] = name === "orders"
          ? yield* startWithin(orderRecords, settingsOf(name))
          : yield* startWithin(yield* serviceNamed(name), settingsOf(name))
      },
      (opened, name) =>
        Effect.catchIf(
          opened,
          (error) => error instanceof DatabaseError,
          ({ message }) => Effect.sync(() => unreadable.set(name, message)),
        ),
    )
    for (const name of away) {
      if (!isElsewhere(environment)(name)) unreadable.set(name, nowhere(name))
    }
    yield* Effect.forEach([...participantNames.filter(isReadHere), "orders"] as const, open, {
      concurrency: "unbounded",
      discard: true,
    }).pipe(Effect.provideService(OnlyLooking, true))
    return {
      environment: {
        ...environment,
        ...addresses,
        SERVICE_PRIVATE_KEY: privateKey("orchestrator"),
      },
      fetch: wiredTo(apps),
      unreadable,
    }
  })

/**
 * Temporary keys for the services in this process, since the folder's keys may be missing.
 */
const passingKeys = Effect.acquireRelease(
  Effect.try({
    try: () => fs.mkdtempSync(path.join(os.tmpdir(), "unwind-audit-keys-")),
    catch: (cause) =>
      new StartError({
        message: `No folder can be made in ${os.tmpdir()} (${(cause as Error).message}): ` +
          "set TMPDIR to a writable folder",
      }),
  }),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
).pipe(Effect.tap((folder) => Effect.promise(() => generateServiceKeys(folder))))
