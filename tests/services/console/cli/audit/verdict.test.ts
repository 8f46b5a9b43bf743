/** The audit and healing through the console: what they print, and their exit codes. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { isDown, soon } from "../../running-console.ts"
import { type RunningCli, startCli } from "../running-cli.ts"

const scope = Scope.makeUnsafe()
let cli: RunningCli
let failed: string

beforeAll(async () => {
  cli = await Effect.runPromise(Scope.provide(startCli, scope))
  failed = await cli.system.place({ slot: "23:59" })
  await soon("the order is undone", async () => await cli.system.statusOf(failed) === "failed")
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

describe("heal", () => {
  it("finds nothing in a sound system", async () => {
    const { code, lines, errors } = await cli.run(["heal", "--dry-run"])
    assert.deepStrictEqual([code, errors], [0, []])
    assert.deepStrictEqual(lines, ["Findings  none; 0 can be healed, 0 healed"])
  })

  it("gives back what is held for a failed order, and only reports it in a dry run", async () => {
    await cli.system.sql("items").unsafe(`
      update reservations set outcome = 'reserved' where order_id = '${failed}';
      update items set stock = stock - 1 where id = '1'`)
    const dry = await cli.run(["heal", "--dry-run"])
    assert.strictEqual(dry.code, 1)
    assert.match(dry.lines[0]!, new RegExp(`^leftover +${failed} +\\d s  `))
    assert.strictEqual(dry.lines[1], "Findings  1 leftover; 1 can be healed, 0 healed")
    const [, sums] = await cli.data("heal", "--dry-run")
    assert.deepInclude(sums, { healable: 1, healed: 0, finished: true })
    const { code, lines } = await cli.run(["heal", "--reason", "found by a test"])
    assert.deepStrictEqual([code, lines[1]], [
      0,
      "Findings  1 leftover; 1 can be healed, 1 healed",
    ])
    const trail = await cli.system.trail()
    assert.isTrue(
      trail.some((entry) => entry.why === "found by a test" && entry.outcome === "done"),
    )
  })

  it("heals nothing while a service cannot be audited, and names it", async () => {
    cli.system.disturb("slots", isDown)
    const { code, errors } = await cli.run(["heal", "--reason", "found by a test"])
    cli.system.restore()
    assert.strictEqual(code, 2)
    assert.match(errors.join("\n"), /^Not audited: slots: .+$/m)
  })
})

describe("audit", () => {
  it("prints the result of the system's own audit where an address is given", async () => {
    await soon("everything was audited", async () => (await cli.run(["audit"])).code === 0)
    const { lines, errors } = await cli.run(["audit", "--url", cli.baseUrl])
    assert.deepStrictEqual(errors, [])
    assert.match(lines[0]!, /^Verdict {3}sound, \d+ s ago$/)
    const [state, ...more] = await cli.data("audit")
    assert.deepStrictEqual([state.verdict, more], ["sound", []])
  })
})
