/** `npm run unwind` as a process of its own, on both runtimes: its output and its exit codes. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { commands } from "#services/console/cli/commands.ts"
import { soon } from "../running-console.ts"
import { type RunningCli, startCli } from "./running-cli.ts"

const root = join(import.meta.dirname, "../../../..")
const scope = Scope.makeUnsafe()
const folder = mkdtempSync(join(tmpdir(), "unwind-cli-"))
const token = join(folder, "token")
let cli: RunningCli

beforeAll(async () => {
  cli = await Effect.runPromise(Scope.provide(startCli, scope))
  writeFileSync(token, `${cli.system.olga.access}\n`)
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(folder, { recursive: true })
})

type Runtime = "node" | "deno"
const runtimes: ReadonlyArray<Runtime> = ["node", "deno"]

const start = (runtime: Runtime, ...args: ReadonlyArray<string>) => {
  const { PATH, HOME } = process.env
  const child = spawn(
    join(root, "node_modules/.bin", runtime),
    [...(runtime === "deno" ? ["run", "-A"] : []), "services/console/cli/main.ts", ...args],
    {
      cwd: root,
      env: { PATH, HOME, UNWIND_URL: cli.baseUrl, UNWIND_TOKEN_FILE: token },
      stdio: ["ignore", "pipe", "pipe"],
    },
  )
  const said = { out: "", errors: "" }
  child.stdout.setEncoding("utf8").on("data", (text) => said.out += text)
  child.stderr.setEncoding("utf8").on("data", (text) => said.errors += text)
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...said }))
  return { child, said, ended }
}

describe.each(runtimes)("npm run unwind on %s", (runtime) => {
  it("lists its commands, and refuses an unknown one in one line that names the help", async () => {
    const help = await start(runtime, "--help").ended
    assert.deepStrictEqual([help.code, help.errors], [0, ""])
    for (const name of Object.keys(commands)) {
      assert.match(help.out, new RegExp(`^ {2}${name} +\\S`, "m"))
    }
    assert.deepStrictEqual(await start(runtime, "oders\u001b").ended, {
      code: 2,
      out: "",
      errors: 'Unknown command "oders\\u001b": see npm run unwind -- --help\n',
    })
  })

  it("prints only data to standard output, as one JSON value per line", async () => {
    const id = await cli.system.place({ item: 5 })
    const some = await start(runtime, "orders", "--json", "--limit", "1").ended
    assert.strictEqual(some.code, 0)
    assert.strictEqual(JSON.parse(some.out).id, id)
    const none = await start(runtime, "orders", "--json", "--user", "nobody").ended
    assert.deepStrictEqual(none, { code: 0, out: "", errors: "There are no such orders.\n" })
  })

  it("ends a load at Ctrl-C with its totals and exit code 130", async () => {
    const { child, ended, said } = start(runtime, "load", "--rate", "10", "--minutes", "60")
    const isPlaced = async () =>
      (await cli.data("orders", "--limit", "1"))[0]?.username.startsWith("load-") === true
    await soon("the load has placed an order", isPlaced)
    // Not by the handle: Deno would then report the signal, whatever the child's exit code.
    process.kill(child.pid!, "SIGINT")
    const { code, out } = await ended
    assert.strictEqual(code, 130, said.errors)
    assert.match(out, /^0:\d\d .* in flight \d+ .* completed \d+ .*\n$/)
    await soon(
      "the load's orders are final",
      async () => (await cli.data("orders", "--status", "pending")).length === 0,
    )
    await cli.system.place({ item: 6 })
  })
})

it("the README lists each command once, in the order of the help", () => {
  const readme = readFileSync(join(root, "services/console/cli/README.md"), "utf8")
  const rows = [...readme.matchAll(/^\| `([a-z]+)` +\|/gm)].map(([, name]) => name)
  assert.deepStrictEqual(rows, Object.keys(commands))
})

it("a closed standard output is not a failure", async () => {
  for (let n = 0; n < 3; n++) await cli.system.place()
  const { child, ended } = start("node", "watch")
  child.stdout.once("data", () => child.stdout.destroy())
  const { code, errors } = await ended
  assert.deepStrictEqual([code, errors], [0, ""])
})
