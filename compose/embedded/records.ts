/**
 * The records in a data folder, for the audit: the folder's PostgreSQL, running or not, and what of the services keeps
 * records, wired in memory. Where the system runs, this is like another replica that takes no orders. Nothing in the folder
 * is made, migrated or filled, whichever version made it; a service whose records cannot be read is left out.
 */
import { Effect, Result, type Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import createClient from "postgres"
import { addressSettings } from "#services/orchestrator/settings.ts"
import { orderRecords } from "#services/orders/audit-service.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import type { Doors } from "#shared/http/app.ts"
import type { Fetch } from "#shared/http/client.ts"
import { DatabaseError } from "#shared/postgres/database.ts"
import { OnlyLooking } from "#shared/postgres/only-looking.ts"
import type { ServiceName } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { startWithin } from "#shared/service/service.ts"
import { lockDataFolder, secretPath } from "./data-folder.ts"
import { clusterPath, passwordName, superuser } from "./postgres-cluster.ts"
import { serviceUrl } from "./postgres-databases.ts"
import { postmasterFile, startPostgres } from "./postgres.ts"
import { addresses, serviceNamed, type ServicesOptions, wiredTo } from "./services.ts"
import { StartError } from "./start-error.ts"

type Environment = ServicesOptions["environment"]

export interface OpenRecords {
  /** What the orchestrator has to be told to call the services. */
  readonly environment: Environment
  readonly fetch: typeof Fetch["Service"]
  /** Why the records of a service cannot be read, of those of which it is so. */
  readonly unreadable: ReadonlyMap<ParticipantName | "orders", string>
}

/** Opens the records until the scope closes. Fails with a message for a person. */
export const openRecords = (
  dataDir: string,
  environment: Environment,
): Effect.Effect<OpenRecords, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const postgres = yield* openPostgres(dataDir)
    const { privateKey, publicKeys } = keyFiles(yield* passingKeys)
    const settingsOf = (name: ServiceName) => ({
      ...environment,
      ...addresses,
      DATABASE_URL: serviceUrl(postgres, name).href,
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
    yield* Effect.forEach([...participantNames, "orders"] as const, open, {
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

/** Keys for the services here, which know each other by no others: the folder's own need not be there. */
const passingKeys = Effect.acquireRelease(
  Effect.try({
    try: () => fs.mkdtempSync(path.join(os.tmpdir(), "unwind-audit-keys-")),
    catch: (cause) =>
      new StartError({
        message: `No folder can be made in ${os.tmpdir()} (${(cause as Error).message}): ` +
          "set TMPDIR to one that can be written",
      }),
  }),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
).pipe(Effect.tap((folder) => Effect.promise(() => generateServiceKeys(folder))))

/** The superuser's URL of the folder's server: the one that runs if the folder is in use, else one until the scope closes. */
const openPostgres = Effect.fnUntraced(function* (dataDir: string) {
  if (!fs.existsSync(clusterPath(dataDir))) {
    return yield* new StartError({
      message:
        `There is no data in ${dataDir} to audit: set DATA_DIR to the folder of npm start, ` +
        `or ${Object.keys(addressSettings).join(", ")} to where the services are`,
    })
  }
  const locked = yield* Effect.result(lockDataFolder(dataDir))
  if (Result.isSuccess(locked)) return (yield* startPostgres({ dataDir, durable: true })).url
  return yield* Effect.mapError(
    runningPostgres(dataDir),
    () =>
      new StartError({
        message: `${locked.failure.message}. Its PostgreSQL cannot be reached just now: try again`,
      }),
  )
})

const runningPostgres = (dataDir: string) =>
  Effect.tryPromise(async () => {
    const port =
      fs.readFileSync(path.join(clusterPath(dataDir), postmasterFile), "utf8").split("\n")[3]
    const password = fs.readFileSync(secretPath(dataDir, passwordName), "utf8").trim()
    const url = `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`
    const sql = createClient(url, { max: 1, fetch_types: false, onnotice: () => {} })
    await sql`select 1`.finally(() => sql.end())
    return url
  })
