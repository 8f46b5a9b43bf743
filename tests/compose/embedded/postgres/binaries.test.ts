import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { installedBinaries, usableBinaries } from "#compose/embedded/postgres/binaries.ts"
import { serverAccount } from "#compose/embedded/server/folder.ts"
import { temporaryFolder } from "../temporary-folder.ts"

const isRoot = process.getuid?.() === 0

/**
 * What npm may leave in a checkout that only its owner can enter: some links between libraries are
 * missing.
 */
const privateInstallation = Effect.gen(function* () {
  const checkout = yield* temporaryFolder
  const source = path.join(checkout, "native")
  fs.cpSync(yield* installedBinaries, source, { recursive: true, verbatimSymlinks: true })
  const libraries = fs.readdirSync(path.join(source, "lib")).filter((name) => /icu/.test(name))
  for (const name of libraries) {
    const file = path.join(source, "lib", name)
    if (fs.lstatSync(file).isSymbolicLink()) fs.rmSync(file)
  }
  fs.chmodSync(checkout, 0o700)
  return source
})

describe("usableBinaries", () => {
  let temporary = ""
  const before = process.env["TMPDIR"]
  beforeEach(() => {
    temporary = fs.mkdtempSync(path.join(os.tmpdir(), "unwind-test-"))
    fs.chmodSync(temporary, 0o1777)
    process.env["TMPDIR"] = temporary
  })
  afterEach(() => {
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
    fs.rmSync(temporary, { recursive: true })
  })

  it.live("uses the programs where npm put them", () =>
    Effect.gen(function* () {
      const source = yield* installedBinaries
      const { major, postgres } = yield* usableBinaries(source, yield* serverAccount("/none"))
      assert.strictEqual(postgres, path.join(source, "bin/postgres"))
      assert.match(major, /^\d+$/)
      assert.deepStrictEqual(fs.readdirSync(temporary), [])
    }))

  it.live("copies the programs from a checkout that the account cannot read", () =>
    Effect.gen(function* () {
      const source = yield* privateInstallation
      const account = yield* serverAccount("/none")
      const { initdb } = yield* usableBinaries(source, account)
      assert.strictEqual(path.dirname(path.dirname(path.dirname(initdb))), temporary)
      const { status } = spawnSync(initdb, ["--version"], { ...account, cwd: "/" })
      assert.strictEqual(status, 0)
    }))

  it.live("uses the same copy the next time, after restoring what was removed from it", () =>
    Effect.gen(function* () {
      const source = yield* privateInstallation
      const account = yield* serverAccount("/none")
      const first = yield* usableBinaries(source, account)
      const timezones = path.join(first.postgres, "../../share/postgresql/timezonesets/Default")
      fs.rmSync(timezones)
      assert.deepStrictEqual(yield* usableBinaries(source, account), first)
      assert.isTrue(fs.existsSync(timezones))
      const copies = fs.readdirSync(temporary).filter((name) => name.startsWith("unwind-postgres"))
      assert.lengthOf(copies, 1)
    }))

  it.live("finishes a copy that was interrupted within a file", () =>
    Effect.gen(function* () {
      const source = yield* privateInstallation
      const account = yield* serverAccount("/none")
      const { initdb } = yield* usableBinaries(source, account)
      const { size } = fs.statSync(initdb)
      fs.truncateSync(initdb, 1_000)
      yield* usableBinaries(source, account)
      assert.strictEqual(fs.statSync(initdb).size, size)
    }))

  it.live("does not run a copy that somebody else could have made", () =>
    Effect.gen(function* () {
      const source = yield* privateInstallation
      const account = yield* serverAccount("/none")
      const { postgres } = yield* usableBinaries(source, account)
      const copy = path.join(postgres, "../..")
      if (isRoot) fs.chownSync(copy, 65_534, 65_534)
      else fs.chmodSync(copy, 0o777)
      const { message } = yield* Effect.flip(usableBinaries(source, account))
      assert.include(message, `${copy} is not ours: remove it`)
    }))
})
