/** A load on a whole system: orders that end in four ways, totals, and an audit. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { isDown, soon } from "../../running-console.ts"
import { type RunningCli, startCli } from "../running-cli.ts"

const scope = Scope.makeUnsafe()
let cli: RunningCli

beforeAll(async () => {
  cli = await Effect.runPromise(Scope.provide(startCli, scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

describe("load", () => {
  it("places the requested number of orders, which end in four ways, and then audits", async () => {
    const { code, lines, errors } = await cli.run(["load", "--rate", "10", "--minutes", "0.05"])
    assert.deepStrictEqual([code, errors], [0, []])
    assert.match(
      lines[0]!,
      /^0:\d\d {2}\d+\.\d\/s {2}in flight 0 {2}p50 \d+ ms {2}p99 \d+ ms {2}completed 21 {2}no money 3 {2}no item 3 {2}no slot 3$/,
    )
    assert.deepStrictEqual(lines.slice(1), ["Findings  none; 0 can be healed, 0 healed"])
    const orders = (await cli.data("orders", "--since", "1 hour"))
      .filter(({ username }) => /^load-/.test(username))
    assert.lengthOf(orders, 30)
  })

  it("exits with 1 when the audit finds something", async () => {
    await cli.system.sql("items")`update items set stock = stock - 1 where id = '10'`
    const words = ["load", "--rate", "10", "--minutes", "0.05", "--json"]
    const { code, lines, errors } = await cli.run(words)
    await cli.system.sql("items")`update items set stock = stock + 1 where id = '10'`
    assert.strictEqual(code, 1)
    const [sums, audited] = lines.map((line) => JSON.parse(line))
    assert.deepInclude(sums, { placed: 30, inFlight: 0 })
    assert.strictEqual(audited.found.imbalance, 1)
    assert.deepStrictEqual(errors, ["A person decides about the others: npm run unwind -- audit"])
  })

  it("prints its totals when interrupted, including orders in flight", async () => {
    cli.system.disturb("items", isDown)
    const { lines, interrupt } = await cli.start(["load", "--rate", "20", "--minutes", "10"])
    const isInFlight = async () => (await cli.data("orders", "--status", "pending")).length > 0
    await soon("some orders are in flight", isInFlight)
    await interrupt()
    cli.system.restore()
    assert.lengthOf(lines, 1)
    assert.match(lines[0]!, / in flight [1-9]\d* /)
  })

  it("places nothing for a user who is not an operator", async () => {
    const words = ["load", "--rate", "10", "--minutes", "0.05"]
    const { code, lines } = await cli.run(words, { UNWIND_TOKEN: cli.system.ann.access })
    assert.deepStrictEqual([code, lines], [2, []])
  })
})
