import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { runScript } from "#tests/compose/embedded/another-process.ts"
import { temporaryFolder } from "#tests/compose/embedded/temporary-folder.ts"
import { makeRunFolder } from "./run-folder.ts"
import { withVariable } from "./with-variable.ts"

describe("the folder of a test run", () => {
  it.live("holds its temporary files, is removed with them, and so are those of killed runs", () =>
    Effect.gen(function* () {
      const temporary = yield* temporaryFolder
      yield* withVariable("TMPDIR", temporary)
      const [killed, alive] = ["killed", "alive"].map((run) =>
        path.join(temporary, `unwind-test-run-${run}`)
      ) as [string, string]
      const other = yield* runScript("hold-data-folder.ts", killed)
      yield* other.kill
      yield* runScript("hold-data-folder.ts", alive)
      const { folder, remove } = yield* Effect.promise(makeRunFolder)
      assert.sameMembers(fs.readdirSync(temporary).map((name) => path.join(temporary, name)), [
        alive,
        folder,
      ])
      assert.strictEqual(path.dirname(os.tmpdir()), folder)
      fs.writeFileSync(path.join(os.tmpdir(), "left"), "")
      yield* Effect.promise(remove)
      assert.strictEqual(os.tmpdir(), temporary)
      assert.deepStrictEqual(fs.readdirSync(temporary), [path.basename(alive)])
    }))
})
