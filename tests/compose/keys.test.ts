/** `npm run keys -- --rotate` as a person runs it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { storedKeys } from "../services/auth/forge.ts"
import { startAuth } from "../services/auth/running-auth.ts"

const program = fileURLToPath(new URL("../../compose/generate-keys.ts", import.meta.url))

const keys = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.promise(() =>
    new Promise<{ code: number | null; out: string; error: string }>((resolve) => {
      const child = spawn(process.execPath, [
        ...(process.versions["deno"] === undefined ? [] : ["run", "-A"]),
        program,
        ...words,
      ], { env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment } })
      let [out, error] = ["", ""]
      child.stdout.on("data", (chunk) => out += chunk)
      child.stderr.on("data", (chunk) => error += chunk)
      child.on("close", (code) => resolve({ code, out, error }))
    })
  )

describe("npm run keys -- --rotate", () => {
  it.live("removes the signing keys from the database of the environment, and says which", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const [before] = yield* storedKeys(auth)
      const { code, out, error } = yield* keys(["--rotate"], auth.environment)
      assert.deepStrictEqual([code, error], [0, ""])
      const [after, ...more] = yield* storedKeys(auth)
      assert.isEmpty(more)
      assert.notStrictEqual(after!.kid, before!.kid)
      assert.match(
        out,
        new RegExp(`^Signing keys removed: ${before!.kid}\\. The new key is ${after!.kid}\\.`),
      )
    }))

  it.live("names all missing settings in one message, and accepts nothing beside --rotate", () =>
    Effect.gen(function* () {
      const nowhere = { DATA_DIR: join(tmpdir(), "unwind-no-such-folder") }
      const none = yield* keys(["--rotate"], nowhere)
      assert.strictEqual(none.code, 1)
      assert.match(none.error, /^There is no data in .*: set DATA_DIR .*\n$/)
      const noSecret = yield* keys(["--rotate"], { DATABASE_URL: "postgres://localhost/auth" })
      assert.strictEqual(noSecret.code, 1)
      assert.match(noSecret.error, /SIGNING_KEYS_SECRET is missing: set it to .*npm run keys/)
      assert.strictEqual((yield* keys(["--rotate", "now"])).code, 2)
    }))
})
