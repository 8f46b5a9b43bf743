/**
 * The folder of a test run, for its PostgreSQL and all temporary files of its tests: TMPDIR of
 * every process of the run. It is removed at the end of the run, or by the next run if this one is
 * killed.
 */
import { Effect, Exit, Option, Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"

const prefix = "unwind-test-run-"
const memory = "/dev/shm"
const enoughBytes = 4 * 2 ** 30

/**
 * Where the folders of runs are: in memory if there is room for hundreds of databases and programs
 * may be run from there. A first start of `npm start` takes half the time there. TMPDIR overrides
 * it.
 */
const folderOfRuns = (): string => {
  if (process.env["TMPDIR"] !== undefined) return os.tmpdir()
  try {
    const { bavail, bsize } = fs.statfsSync(memory)
    const free = Math.min(bavail * bsize, os.freemem())
    if (free >= enoughBytes && maySpawnFromMemory()) return memory
  } catch {
    // Not Linux.
  }
  return os.tmpdir()
}

/** Docker mounts it without that right. */
const maySpawnFromMemory = (): boolean =>
  fs.readFileSync("/proc/mounts", "utf8").split("\n").every((line) => {
    const [, at, , options = ""] = line.split(" ")
    return at !== memory || !options.split(",").includes("noexec")
  })

/** Makes the folder and sets TMPDIR to a folder in it. `remove` takes both back. */
export const makeRunFolder = async (): Promise<{
  readonly folder: string
  readonly remove: () => Promise<void>
}> => {
  const runs = folderOfRuns()
  await removeLeftovers(runs)
  const folder = fs.mkdtempSync(path.join(runs, prefix))
  const scope = Scope.makeUnsafe()
  await lockDataFolder(folder).pipe(Scope.provide(scope), Effect.runPromise)
  const before = process.env["TMPDIR"]
  process.env["TMPDIR"] = path.join(folder, "tmp")
  fs.mkdirSync(process.env["TMPDIR"])
  // As /tmp: some programs run under an account of their own.
  fs.chmodSync(folder, 0o711)
  fs.chmodSync(process.env["TMPDIR"], 0o1777)
  return {
    folder,
    remove: async () => {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
      await Effect.runPromise(Scope.close(scope, Exit.void))
      // A process that was killed may still be writing its last file.
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

/** A live run holds the lock of its folder; the folders of killed runs are free. */
const removeLeftovers = async (runs: string): Promise<void> => {
  for (const name of fs.readdirSync(runs)) {
    const folder = path.join(runs, name)
    if (!name.startsWith(prefix) || !fs.existsSync(path.join(folder, "lock"))) continue
    const abandoned = await lockDataFolder(folder).pipe(
      Effect.scoped,
      Effect.option,
      Effect.runPromise,
    )
    if (Option.isSome(abandoned)) fs.rmSync(folder, { recursive: true, force: true })
  }
}
