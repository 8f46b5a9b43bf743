/**
 * The data folder (DATA_DIR) of the embedded run: one running system per folder, and the secrets
 * made on its first start. The lock is one of the operating system, so it ends with its process
 * however that dies, and a reused process id cannot be mistaken for it. It does not reach across
 * machines that share a folder over the network.
 */
import { Effect, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"
import { inDataFolder, StartError } from "./start-error.ts"

/**
 * Makes the folder where there is none, and holds it until the scope closes. Fails with StartError
 * when another process holds it (the message names the process) or when it cannot be written.
 */
export const lockDataFolder = (dataDir: string): Effect.Effect<void, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const pidFile = path.join(dataDir, "pid")
    yield* inDataFolder(dataDir, () => fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 }))
    yield* Effect.acquireRelease(
      takeLock(dataDir, pidFile),
      (lock) =>
        Effect.sync(() => {
          fs.rmSync(pidFile, { force: true })
          lock.close()
          locks.delete(lock)
        }),
    )
    yield* inDataFolder(dataDir, () => writeWhole(pidFile, `${process.pid}\n`, 0o644))
  })

/**
 * Referred to from here for as long as they are held: one that is garbage collected is given up.
 */
const locks = new Set<DatabaseSync>()

/**
 * No file lock is common to Node and Deno, but SQLite is, and its lock is one of the operating
 * system. The file stays empty, and nothing else may open it: the system gives the lock up when any
 * handle on the file is closed.
 */
const takeLock = (dataDir: string, pidFile: string): Effect.Effect<DatabaseSync, StartError> =>
  inDataFolder(dataDir, () => {
    const lock = new DatabaseSync(path.join(dataDir, "lock"))
    try {
      lock.exec("begin exclusive")
      locks.add(lock)
      return lock
    } catch (cause) {
      lock.close()
      if ((cause as Error).message.includes("locked")) return undefined
      throw cause
    }
  }).pipe(
    Effect.flatMap((lock) =>
      lock ? Effect.succeed(lock) : Effect.fail(
        new StartError({
          message: `The data folder ${dataDir} is in use: already running as process ${
            readHolder(pidFile)
          }; stop it first, or set DATA_DIR to another folder`,
        }),
      )
    ),
  )

/** Unknown of one that holds the lock and has not got to writing its number. */
const readHolder = (pidFile: string): string => readIfThere(pidFile) ?? "(unknown)"

/** Where the secret of that name is kept. */
export const secretPath = (dataDir: string, name: string): string =>
  path.join(dataDir, "secrets", name)

/**
 * The secret of that name: 192 random bits, made and put on the disk by the first call, the same
 * ever after. Only the owner of the data folder can read it. Fails with StartError.
 */
export const ensureSecret = (dataDir: string, name: string): Effect.Effect<string, StartError> =>
  inDataFolder(dataDir, () => {
    const file = secretPath(dataDir, name)
    const existing = readIfThere(file)
    if (existing !== undefined) return existing
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    const secret = randomBytes(24).toString("base64url")
    writeWhole(file, secret, 0o600)
    return secret
  })
