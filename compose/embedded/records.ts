/**
 * The records in a data folder, for the audit: the folder's PostgreSQL, running or not, and what of the services keeps
 * records, wired in memory. Where the system runs, this is like another replica that takes no orders.
 */
import { Effect, Result, type Scope } from "effect"
import fs from "node:fs"
import path from "node:path"
import createClient from "postgres"
import { addressSettings } from "#services/orchestrator/settings.ts"
import { orderRecords } from "#services/orders/audit-service.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import type { App } from "#shared/http/app.ts"
import type { Fetch } from "#shared/http/client.ts"
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
}

/** Opens the records until the scope closes. Fails with a message for a person. */
export const openRecords = (
  dataDir: string,
  environment: Environment,
): Effect.Effect<OpenRecords, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const postgres = yield* openPostgres(dataDir)
    const keysFolder = path.join(dataDir, "secrets")
    yield* Effect.promise(() => generateServiceKeys(keysFolder))
    const { privateKey, publicKeys } = keyFiles(keysFolder)
    const settingsOf = (name: ServiceName) => ({
      ...environment,
      ...addresses,
      DATABASE_URL: serviceUrl(postgres, name).href,
      SERVICE_PUBLIC_KEYS: publicKeys,
    })
    const apps: Partial<Record<ServiceName, App>> = {}
    const openParticipant = Effect.fnUntraced(function* (name: ParticipantName) {
      apps[name] = yield* startWithin(yield* serviceNamed(name), settingsOf(name))
    })
    yield* Effect.forEach(participantNames, openParticipant, { concurrency: "unbounded" })
    apps.orders = yield* startWithin(orderRecords, settingsOf("orders"))
    return {
      environment: {
        ...environment,
        ...addresses,
        SERVICE_PRIVATE_KEY: privateKey("orchestrator"),
      },
      fetch: wiredTo(apps),
    }
  })

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
