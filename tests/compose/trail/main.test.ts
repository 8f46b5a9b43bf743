/** The audit trail as people read it: a process of its own beside the service, on both runtimes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ann, annsTokens, logIn, startAuth, until } from "../../services/auth/running-auth.ts"
import { createDatabase } from "../../support/postgres.ts"

const root = join(import.meta.dirname, "../../..")

const look = (
  runtime: "node" | "deno",
  environment: Readonly<Record<string, string>>,
  ...words: ReadonlyArray<string>
) =>
  Effect.callback<{ code: number; output: string; errors: string }>((resume) => {
    const { PATH = "", HOME = "" } = process.env
    const run = runtime === "deno" ? ["run", "-A"] : []
    execFile(
      join(root, "node_modules/.bin", runtime),
      [...run, "compose/trail/main.ts", ...words],
      { cwd: root, env: { PATH, HOME, ...environment } },
      (error, output, errors) =>
        resume(Effect.succeed({ code: Number(error?.code ?? 0), output, errors })),
    )
  })

describe("npm run trail", () => {
  for (const runtime of ["node", "deno"] as const) {
    it.effect(`shows what was done and what was refused, on ${runtime}`, () =>
      Effect.gen(function* () {
        const auth = yield* startAuth()
        yield* annsTokens(auth)
        yield* logIn(auth, { ...ann, password: "wrong" }, { address: "198.51.100.7" })
        yield* until(async () => (await auth.sql`select from audit_trail`).length === 3)
        const { DATABASE_URL = "" } = auth.environment
        const words = ["--user", "ann", "--outcome", "refused"]
        const { code, output, errors } = yield* look(runtime, { DATABASE_URL }, ...words)
        assert.deepStrictEqual([code, errors], [0, ""])
        assert.match(
          output,
          /^1970-01-01T00:00:00.000Z {2}log-in +refused \(wrong_credentials\) +ann +198\.51\.100\.7 +request test\n$/,
        )
        const json = yield* look(runtime, { DATABASE_URL }, "--user", "ann", "--json")
        const events = json.output.trim().split("\n").map((line) => JSON.parse(line).event)
        assert.sameMembers(events, ["sign-up", "log-in", "log-in"])
        const nobody = yield* look(runtime, { DATABASE_URL }, "--user", "nobody")
        assert.deepStrictEqual(nobody, { code: 0, output: "", errors: "" })
      }))
  }

  it.effect("shows the target, the reason and the unknown end of an operator's act", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* Effect.promise(() =>
        auth.sql`
          insert into audit_trail (id, at, event, outcome, username, target, why)
          values (gen_random_uuid(), 'epoch', 'restock', 'begun', 'ada', 'item 7', 'a lorry came')`
      )
      const { DATABASE_URL = "" } = auth.environment
      const words = ["--target", "item 7", "--event", "restock", "--outcome", "begun"]
      const { output } = yield* look("node", { DATABASE_URL }, ...words)
      assert.match(
        output,
        /^1970-01-01T00:00:00.000Z {2}restock +begun +ada +- +target item 7 {2}because: a lorry came\n$/,
      )
      assert.strictEqual((yield* look("node", { DATABASE_URL }, "--target", "item 8")).output, "")
    }))

  it.effect("says in one line why it cannot read, and changes nothing", () =>
    Effect.gen(function* () {
      const DATA_DIR = join(tmpdir(), `unwind-no-such-folder-${crypto.randomUUID()}`)
      const nowhere = yield* look("node", { DATA_DIR })
      assert.strictEqual(nowhere.code, 2)
      assert.match(nowhere.errors, /^Cannot read the audit trail: There is no data in [^\n]+\n$/)
      const wrong = yield* look("node", { DATA_DIR }, "--since", "yesterday")
      assert.strictEqual(wrong.code, 2)
      const empty = yield* Effect.acquireRelease(
        Effect.promise(() => createDatabase("auth")),
        ({ drop }) => Effect.promise(drop),
      )
      const older = yield* look("node", { DATABASE_URL: empty.url })
      assert.strictEqual(older.code, 2)
      assert.match(older.errors, /its database is from an older version/)
    }))
})
