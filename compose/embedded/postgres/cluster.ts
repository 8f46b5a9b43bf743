/**
 * The files of the PostgreSQL cluster: made completely or not at all at the first start, and never
 * touched if another major version made them.
 */
import { Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import { readIfThere, syncFolder } from "#shared/whole-file.ts"
import { ensureSecret, secretPath } from "../data-folder.ts"
import { openServerFolder, ownPath, type ServerFolder, spawnIn } from "../server/folder.ts"
import { inDataFolder, StartError } from "../start-error.ts"
import type { PostgresBinaries } from "./binaries.ts"

export const superuser = "postgres"
/** The secret that is its password. */
export const passwordName = "postgres-password"

export const clusterPath = (dataDir: string): string => path.join(dataDir, "postgres")

/**
 * The folder of the cluster and the password of its superuser; both are made if there is no
 * cluster. Fails with StartError, and changes nothing, when the data is of another major version or
 * its password is missing.
 */
export const openCluster = (
  dataDir: string,
  binaries: PostgresBinaries,
): Effect.Effect<{ folder: ServerFolder; password: string }, StartError> =>
  Effect.gen(function* () {
    const cluster = clusterPath(dataDir)
    const made = yield* inDataFolder(dataDir, () => madeBy(cluster))
    if (made === undefined) yield* makeCluster(dataDir, binaries)
    else if (made !== binaries.major) {
      return yield* new StartError({
        message: `The data in ${cluster} is of PostgreSQL ${made}, this is PostgreSQL ` +
          `${binaries.major}: move it away to start empty, or set DATA_DIR to another folder`,
      })
    } else if (
      (yield* inDataFolder(dataDir, () => readIfThere(secretPath(dataDir, passwordName)))) ===
        undefined
    ) {
      return yield* new StartError({
        message: `The password to the data in ${cluster} is gone: put ` +
          `${secretPath(dataDir, passwordName)} back, or move the data away to start empty`,
      })
    }
    return {
      folder: yield* openServerFolder(cluster),
      password: yield* ensureSecret(dataDir, passwordName),
    }
  })

/** The major version that made the cluster; undefined if there is no cluster. */
const madeBy = (cluster: string): string | undefined => {
  if (!fs.existsSync(cluster) || fs.readdirSync(cluster).length === 0) return undefined
  const file = path.join(cluster, "PG_VERSION")
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : "an unknown version"
}

/**
 * Made under another name, so that an interrupted start leaves nothing that looks like a cluster.
 */
const makeCluster = (
  dataDir: string,
  binaries: PostgresBinaries,
): Effect.Effect<void, StartError> =>
  Effect.gen(function* () {
    const cluster = clusterPath(dataDir)
    const staging = yield* inDataFolder(dataDir, () => {
      fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      for (const name of fs.readdirSync(dataDir)) {
        if (name.startsWith("postgres.new-")) {
          fs.rmSync(path.join(dataDir, name), { recursive: true })
        }
      }
      return fs.mkdtempSync(`${cluster}.new-`)
    })
    const folder = yield* openServerFolder(staging)
    yield* ensureSecret(dataDir, passwordName)
    yield* initdb(folder, secretPath(dataDir, passwordName), binaries)
    yield* inDataFolder(dataDir, () => {
      fs.renameSync(staging, cluster)
      syncFolder(dataDir)
    })
  })

const initdb = (
  folder: ServerFolder,
  passwordFile: string,
  binaries: PostgresBinaries,
): Effect.Effect<void, StartError> =>
  Effect.callback((resume) => {
    // The account may be unable to reach the file, so it gets an open handle; it must own the file
    // to use it.
    const { account } = folder
    if (account) fs.chownSync(passwordFile, account.uid, account.gid)
    const password = fs.openSync(passwordFile, "r")
    const child = spawnIn(
      folder,
      [
        binaries.initdb,
        `--pgdata=${ownPath(folder)}`,
        `--username=${superuser}`,
        "--auth=scram-sha-256",
        `--pwfile=${account ? "/dev/stdin" : passwordFile}`,
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
      ],
      [password, "ignore", "pipe"],
    )
    fs.closeSync(password)
    let output = ""
    child.stderr?.on("data", (chunk) => output += chunk)
    const fail = (why: string) =>
      resume(
        new StartError({
          message: `PostgreSQL could not make its data folder ${folder.path}: ${why}`,
        }),
      )
    child.once("error", (error) => fail(error.message))
    child.once("close", (code) => {
      if (code === 0) resume(Effect.void)
      else fail(/error: (.*)/.exec(output)?.[1] ?? `exit code ${code}`)
    })
    return Effect.sync(() => child.kill())
  })
