import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import { ensureSecret, lockDataFolder } from "#compose/embedded/data-folder.ts"
import { runScript } from "./another-process.ts"
import { temporaryFolder } from "./temporary-folder.ts"

describe("lockDataFolder", () => {
  it.live("makes a folder that nobody else can read", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* temporaryFolder, "new", "data")
      yield* lockDataFolder(dataDir)
      assert.strictEqual(fs.statSync(dataDir).mode & 0o777, 0o700)
    }))

  it.live("refuses a folder that another process holds, and names the process", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const holder = yield* runScript("hold-data-folder.ts", dataDir)
      const { message } = yield* Effect.flip(lockDataFolder(dataDir))
      assert.include(message, `already running as process ${holder.pid};`)
      assert.include(message, "set DATA_DIR to another folder")
    }))

  it.live("takes over the folder of a process that was killed with -9", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const holder = yield* runScript("hold-data-folder.ts", dataDir)
      yield* holder.kill
      yield* lockDataFolder(dataDir)
      assert.strictEqual(fs.readFileSync(path.join(dataDir, "pid"), "utf8"), `${process.pid}\n`)
    }))

  it.live("releases the folder when its scope closes", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(lockDataFolder(dataDir))
      yield* lockDataFolder(dataDir)
    }))

  it.live("refuses a second holder in the same process", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* lockDataFolder(dataDir)
      const { message } = yield* Effect.flip(lockDataFolder(dataDir))
      assert.include(message, `already running as process ${process.pid};`)
    }))

  it.live("says that a folder is not writable, and what to do", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporaryFolder, "file")
      fs.writeFileSync(file, "")
      const { message } = yield* Effect.flip(lockDataFolder(path.join(file, "data")))
      assert.include(message, `The data folder ${file}/data cannot be used`)
      assert.include(message, "set DATA_DIR to another folder")
      assert.notInclude(message, "\n")
    }))
})

describe("ensureSecret", () => {
  it.live("makes a secret once, and another one for another name", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const first = yield* ensureSecret(dataDir, "one")
      assert.strictEqual(yield* ensureSecret(dataDir, "one"), first)
      assert.notStrictEqual(yield* ensureSecret(dataDir, "two"), first)
      assert.match(first, /^[\w-]{32}$/)
    }))

  it.live("lets nobody else read the secret", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* ensureSecret(dataDir, "one")
      const secrets = path.join(dataDir, "secrets")
      assert.strictEqual(fs.statSync(secrets).mode & 0o777, 0o700)
      assert.strictEqual(fs.statSync(path.join(secrets, "one")).mode & 0o777, 0o600)
    }))
})
