/** The demo without a system: it starts one of its own, says so, and leaves nothing behind. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { freePort } from "#tests/support/free-port.ts"
import { runDemo } from "./another-program.ts"

let temporary: string
let nobody: string
beforeEach(async () => {
  temporary = fs.mkdtempSync(path.join(os.tmpdir(), "unwind-e2e-demo-"))
  // PostgreSQL's own user must be able to enter it.
  fs.chmodSync(temporary, 0o755)
  nobody = `${await freePort()}`
})
afterEach(() => {
  const left = fs.readdirSync(temporary)
  fs.rmSync(temporary, { recursive: true })
  assert.deepStrictEqual(left, [])
})

const runAlone = (environment: Readonly<Record<string, string>> = {}) =>
  runDemo([], { PORT: nobody, TMPDIR: temporary, ...environment })

describe("the demo without a system", () => {
  it("starts one of its own, and shows four orders that end as expected", async () => {
    const { code, stdout, stderr } = await runAlone().ended
    assert.strictEqual(code, 0, stderr)
    const [first, ...progress] = stderr.trimEnd().split("\n")
    assert.strictEqual(
      first,
      `There is nothing at http://localhost:${nobody}: the demo starts a system of its own.`,
    )
    for (const line of progress) assert.match(line, /^ {2}starting .+ \.\.\.$/)
    assert.match(stdout, /^\ndemo-[^]*\n4 orders, 4 as expected\.\n$/)
  })

  it("fails if something is not as expected, and says what", async () => {
    const { code, stdout, stderr } = await runAlone({ ITEM_STOCK: "0" }).ended
    assert.strictEqual(code, 1)
    assert.isTrue(stderr.endsWith("\n4 orders, 2 as expected.\n"), stderr)
    assert.include(
      stdout,
      `
   failed (Can not reserve the item), wallet 100: NOT as expected
     reason: expected Can not get the delivery slot, but got Can not reserve the item
`,
    )
    assert.include(stdout, "\n     wallet: expected 0, but got 100\n")
  })

  it("stops its system after Ctrl-C, and does not report success", async () => {
    const demo = runAlone()
    await demo.prints(" has signed up at ")
    demo.interrupt()
    const { code, stderr } = await demo.ended
    assert.strictEqual(code, 130)
    assert.isTrue(stderr.endsWith("\nStopping ...\n"), stderr)
  })

  it("draws in ASCII if the locale has nothing else", async () => {
    const { stdout } = await runDemo([], {
      PORT: nobody,
      TMPDIR: temporary,
      LC_ALL: "C",
    }).ended
    assert.include(stdout, "|-- try to reserve slot 19:00 -|-----------------|---------------->|")
    // deno-lint-ignore no-control-regex
    assert.match(stdout, /^[\x00-\x7f]*$/)
  })
})

describe("the demo with wrong options", () => {
  it("says in one line that there is no system at the URL", async () => {
    const url = `http://127.0.0.1:${nobody}`
    const { code, stdout, stderr } = await runDemo(["--base-url", url]).ended
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.strictEqual(
      stderr,
      `There is nothing at ${url}: start it with npm start, or give another --base-url\n`,
    )
  })

  it("says in one line that an option is unknown", async () => {
    const { code, stdout, stderr } = await runDemo(["--url", "http://localhost"]).ended
    assert.deepStrictEqual([code, stdout], [2, ""])
    assert.strictEqual(stderr, "Unknown option '--url': see npm run demo -- --help\n")
  })

  it("shows its help when asked", async () => {
    const { code, stdout } = await runDemo(["--help"]).ended
    assert.strictEqual(code, 0)
    assert.match(stdout, /^Usage: npm run demo/)
  })
})
