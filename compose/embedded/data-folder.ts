/**
 * The data folder (DATA_DIR) of the embedded run: one running system per folder, and the secrets
 * made at its first start. The lock is the operating system's, so it ends with its process however
 * that dies, and does not depend on process ids, which are reused. It does not work across machines
 * that share a folder over the network.
 */
import { Effect, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"
import { inDataFolder, StartError } from "./start-error.ts"

/**
 * Makes the folder if it is missing, and locks it until the scope closes. Fails with StartError
 * when another process holds the lock (the message names the process) or when the folder cannot be
 * written.
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
 * References to held locks: a lock that is garbage collected is released.
 */
const locks = new Set<DatabaseSync>()

/**
 * Node and Deno have no file lock in common, but both have SQLite, whose lock is the operating
 * system's. The file stays empty, and nothing else may open it: the system releases the lock when
 * any handle to the file is closed.
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

/** Unknown while a process holds the lock but has not written its id yet. */
const readHolder = (pidFile: string): string => readIfThere(pidFile) ?? "(unknown)"

/** The file of the secret with that name. */
export const secretPath = (dataDir: string, name: string): string =>
  path.join(dataDir, "secrets", name)

/**
 * The secret with that name: 192 random bits, made and stored by the first call, then the same for
 * ever. Only the owner of the data folder can read it. Fails with StartError.
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
