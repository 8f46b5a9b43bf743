/**
 * The PostgreSQL of a data folder, for programs beside the system: the running server if the folder
 * is in use, or else a server of their own.
 */
import { Effect, Result } from "effect"
import fs from "node:fs"
import path from "node:path"
import createClient from "postgres"
import { lockDataFolder, secretPath } from "./data-folder.ts"
import { clusterPath, passwordName, superuser } from "./postgres-cluster.ts"
import { postmasterFile, startPostgres } from "./postgres.ts"
import { StartError } from "./start-error.ts"

/**
 * The superuser's URL of the folder's server: the running one if the folder is in use, or else one
 * that runs until the scope closes.
 */
export const openFolderPostgres = Effect.fnUntraced(function* (dataDir: string, elsewhere: string) {
  if (!fs.existsSync(clusterPath(dataDir))) {
    return yield* new StartError({
      message:
        `There is no data in ${dataDir}: set DATA_DIR to the folder of npm start, or ${elsewhere}`,
    })
  }
  const locked = yield* Effect.result(lockDataFolder(dataDir))
  if (Result.isSuccess(locked)) return yield* startPostgres({ dataDir, durable: true })
  return yield* Effect.mapError(
    runningPostgres(dataDir),
    () =>
      new StartError({
        message: `${locked.failure.message}. Its PostgreSQL cannot be reached now: try again`,
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
    return { url }
  })
