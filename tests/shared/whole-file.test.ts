/**
 * A writer that dies between creating a file and filling it: a system limit on the size of files
 * ends it there. The file it was about to write does not exist, and the next start writes it.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import {
  closeSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach } from "vitest"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"

const root = join(import.meta.dirname, "../..")
const modules = {
  "npm run keys": `import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
    await generateServiceKeys(folder)`,
  "Compose's secrets": `import { makeSecrets } from "#compose/secrets/secret-files.ts"
    await makeSecrets(folder)`,
  "a password of npm start": `import { ensureSecret } from "#compose/embedded/data-folder.ts"
    import { Effect } from "effect"
    await Effect.runPromise(ensureSecret(folder, "postgres-password"))`,
} as const

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "unwind-whole-"))))
afterEach(() => rmSync(folder, { recursive: true }))

/** The sizes of the files by name, without files that are not in place yet. */
const sizes = () =>
  Object.fromEntries(
    globSync("**/*", { cwd: folder, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".new"))
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name)).length]),
  )

describe("a file that is written whole", () => {
  for (const [what, module] of Object.entries(modules)) {
    it.skipIf(process.platform === "win32")(
      `does not exist while its writer has written none of it: ${what}`,
      () => {
        const runtime = "Deno" in globalThis ? ["eval", "--ext=ts"] : ["--input-type=module", "-e"]
        const text = `const folder = ${JSON.stringify(folder)}\n${module}`
        const write = (limit: string) =>
          spawnSync("/bin/sh", [
            "-c",
            `${limit}exec "$@"`,
            "sh",
            process.execPath,
            ...runtime,
            text,
          ], {
            cwd: root,
            encoding: "utf8",
          })
        assert.notStrictEqual(write("ulimit -f 0; ").status, 0)
        assert.deepStrictEqual(sizes(), {})
        const { stderr } = write("")
        assert.strictEqual(stderr, "")
        const found = Object.values(sizes())
        assert.isAbove(found.length, 0)
        for (const size of found) assert.isAbove(size, 0)
      },
    )
  }

  it("replaces the previous one, and is read without what a person's editor adds", () => {
    const file = join(folder, "file")
    assert.strictEqual(readIfThere(file), undefined)
    writeFileSync(file, "\n")
    assert.strictEqual(readIfThere(file), undefined)
    writeWhole(file, "one\n", 0o600)
    writeWhole(file, "two\n", 0o600)
    assert.strictEqual(readIfThere(file), "two")
    assert.deepStrictEqual(sizes(), { file: 4 })
  })

  it("uses nothing that a killed writer left, which may not be writable any more", () => {
    const file = join(folder, "file")
    writeFileSync(`${file}.new`, "half", { mode: 0o444 })
    const left = statSync(`${file}.new`).ino
    // Kept open, so that its number is not given to the next file.
    const handle = openSync(`${file}.new`, "r")
    writeWhole(file, "whole", 0o600)
    const { ino, mode } = statSync(file)
    closeSync(handle)
    assert.notStrictEqual(ino, left)
    assert.strictEqual(mode & 0o777, 0o600)
  })

  it("does not count as lost if it cannot be read", () => {
    assert.throws(() => readIfThere(folder), /EISDIR|directory/i)
  })
})
