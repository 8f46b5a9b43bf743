/**
 * The command that makes operators, as people run it: a process of its own beside the service, on
 * both runtimes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { execFile } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { operatorsSyntax } from "#compose/operators/command.ts"
import { understand } from "#shared/command/understand.ts"
import { annsTokens, startAuth } from "../../services/auth/running-auth.ts"
import { createDatabase } from "../../support/postgres.ts"

const root = join(import.meta.dirname, "../../..")

const run = (
  runtime: "node" | "deno",
  environment: Readonly<Record<string, string>>,
  ...words: ReadonlyArray<string>
) =>
  Effect.callback<{ code: number; output: string; errors: string }>((resume) => {
    const { PATH = "", HOME = "" } = process.env
    execFile(
      join(root, "node_modules/.bin", runtime),
      [...(runtime === "deno" ? ["run", "-A"] : []), "compose/operators/main.ts", ...words],
      { cwd: root, env: { PATH, HOME, ...environment } },
      (error, output, errors) =>
        resume(Effect.succeed({ code: Number(error?.code ?? 0), output, errors })),
    )
  })

describe("npm run operators", () => {
  for (const runtime of ["node", "deno"] as const) {
    it.effect(`grants, lists and revokes, and says what changed, on ${runtime}`, () =>
      Effect.gen(function* () {
        const auth = yield* startAuth()
        yield* annsTokens(auth)
        const { DATABASE_URL = "" } = auth.environment
        const say = (...words: ReadonlyArray<string>) => run(runtime, { DATABASE_URL }, ...words)
        const granted = yield* say("grant", "\uFF41nn")
        assert.deepStrictEqual(granted, {
          code: 0,
          output: "ann is an operator now, from the next log-in on.\n",
          errors: "",
        })
        assert.match((yield* say("grant", "ann")).output, /^ann is an operator already\.\n$/)
        assert.match((yield* say("list")).output, /^ann {2}since \d{4}-[^\n]*Z\n$/)
        assert.match((yield* say("revoke", "ann")).output, /^ann is no longer an operator, /)
        const none = yield* say("list")
        assert.deepStrictEqual(none, { code: 0, output: "", errors: "There are no operators.\n" })
        const nobody = yield* say("grant", "bob")
        assert.deepStrictEqual([nobody.code, nobody.output], [1, ""])
        assert.match(
          nobody.errors,
          /^There is no user "bob": sign up first, or correct the name\.\n$/,
        )
      }))
  }

  it.effect("says in one line why it cannot, and creates no database", () =>
    Effect.gen(function* () {
      // It waits ten seconds for its server, in parallel with the others.
      const away = yield* Effect.forkChild(
        run("node", { DATABASE_URL: "postgres://a:b@127.0.0.1:1/auth" }, "list"),
        { startImmediately: true },
      )
      const DATA_DIR = join(tmpdir(), `unwind-no-such-folder-${crypto.randomUUID()}`)
      const nowhere = yield* run("node", { DATA_DIR }, "grant", "ann")
      assert.strictEqual(nowhere.code, 2)
      assert.match(nowhere.errors, /^Cannot access the operators: There is no data in [^\n]+\n$/)
      const empty = yield* Effect.acquireRelease(
        Effect.promise(() => createDatabase("auth")),
        ({ drop }) => Effect.promise(drop),
      )
      const stranger = new URL(empty.url)
      stranger.password = "wrong"
      const denied = yield* run("node", { DATABASE_URL: stranger.href }, "list")
      assert.strictEqual(denied.code, 2)
      assert.match(denied.errors, /^Cannot access the operators: [^\n]+\n$/)
      const older = yield* run("node", { DATABASE_URL: empty.url }, "list")
      assert.strictEqual(older.code, 2)
      assert.match(older.errors, /its database is from an older version/)
      const { code, errors } = yield* Fiber.join(away)
      assert.strictEqual(code, 2)
      assert.match(errors, /^Cannot access the operators: [^\n]+\n$/)
    }))
})

describe("the arguments of the operators", () => {
  it("that are invalid are refused in one line that names the help", () => {
    for (
      const words of [[], ["grant"], ["grant", ""], ["grant", "a", "b"], ["list", "a"], ["--x"]]
    ) {
      const given = understand(operatorsSyntax, words)
      if (given.task !== "refuse") assert.fail(`it accepted ${JSON.stringify(words)}`)
      assert.match(given.message, /^[^\n]+: see npm run operators -- --help$/)
    }
  })
})
