/** Each command of operators on a whole system: what it prints, what it does, and its exit code. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { isDown, losesAnswers, soon } from "../running-console.ts"
import { type RunningCli, startCli } from "./running-cli.ts"

const scope = Scope.makeUnsafe()
let cli: RunningCli

beforeAll(async () => {
  cli = await Effect.runPromise(Scope.provide(startCli, scope))
})
afterEach(() => cli.system.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const why = ["--reason", "the customer called"]

const finalOrder = async (wish: Readonly<Record<string, unknown>> = {}) => {
  const id = await cli.system.place(wish)
  await soon(
    "the order is final",
    async () => ["completed", "failed"].includes(await cli.system.statusOf(id)),
  )
  return id
}

/** An order that waits for items. */
const waitingOrder = async () => {
  cli.system.disturb("items", isDown)
  const id = await cli.system.place()
  await soon(
    "the order waits",
    async () => (await cli.data("stuck")).some((group) => group.nextAttemptAt !== null),
  )
  return id
}

describe("orders", () => {
  it("lists matching orders, newest first, and says where the list continues", async () => {
    const ids = [await finalOrder({ item: 7 }), await finalOrder({ item: 7, slot: "23:59" })]
    const found = await cli.data("orders", "--item", "7")
    assert.deepStrictEqual(found.map(({ id }) => id), ids.toReversed())
    const refused = ["--item", "7", "--step", "slot", "--status", "failed", "--since", "1 hour"]
    assert.deepStrictEqual((await cli.data("orders", ...refused)).map(({ id }) => id), [ids[1]])

    const { code, lines, errors } = await cli.run(["orders", "--item", "7", "--limit", "1"])
    assert.strictEqual(code, 0)
    assert.match(lines[0]!, /^ORDER +AGE +STATUS/)
    assert.match(
      lines[1]!,
      new RegExp(
        `^${ids[1]} +\\d s +failed +1 +7 +23:59 +user-\\S+ +Can not get the delivery slot$`,
      ),
    )
    assert.deepStrictEqual(errors, [
      `There are more: use --after ${ids[1]}, or a larger --limit`,
    ])
    const rest = await cli.data("orders", "--item", "7", "--after", ids[1]!)
    assert.deepStrictEqual(rest.map(({ id }) => id), [ids[0]])
  })

  it("says on standard error that there are none", async () =>
    assert.deepStrictEqual(await cli.run(["orders", "--user", "nobody"]), {
      code: 0,
      lines: [],
      errors: ["There are no such orders."],
    }))
})

describe("show", () => {
  it("draws what happened to an order, with its reason and records", async () => {
    const id = await finalOrder({ slot: "23:59" })
    const { code, lines, errors } = await cli.run(["show", id])
    assert.deepStrictEqual([code, errors], [0, []])
    const text = lines.join("\n")
    assert.include(text, `Order    ${id}: failed (Can not get the delivery slot)`)
    assert.match(
      text,
      /── try to reserve slot 23:59 ─[^]*◄- fail [^]*── revert item ─[^]*revert money/,
    )
    assert.match(text, /^Records {2}billing: cancelled 100 of user-/m)
    assert.match(text, /^ {9}slots: rejected 1 of 23:59$/m)
    const [one] = await cli.data("show", id)
    assert.deepInclude(one.order, { id, status: "failed" })
  })

  it("accepts the beginning of an id that only one order has", async () => {
    const id = await finalOrder()
    assert.include((await cli.run(["show", id.slice(0, 23)])).lines[0], id)
    const several = await cli.run(["show", id.slice(0, 2)])
    assert.deepStrictEqual([several.code, several.lines], [1, []])
    assert.match(several.errors.join(), /^Several orders' ids begin with \w\w: npm run unwind/)
    const none = await cli.run(["show", "ffff"])
    assert.deepStrictEqual(none.errors, ["There is no order whose id begins with ffff"])
  })

  it("shows a pending order's saga, and names services that did not answer", async () => {
    const id = await waitingOrder()
    const { code, lines, errors } = await cli.run(["show", id])
    assert.strictEqual(code, 2)
    const text = lines.join("\n")
    assert.include(text, `Order    ${id}: pending`)
    assert.match(text, /── try to reserve 1 ─+►│[^]*◄- ok -/)
    assert.match(text, /^Now {6}reserve item \(.+; holds money$/m)
    assert.match(errors.join("\n"), /^items did not answer: .+$/)
  })
})

describe("watch", () => {
  it("prints what happens to an order, until it is final", async () => {
    const id = await waitingOrder()
    const { lines, ended } = await cli.start(["watch", id])
    await soon(
      "the wait is printed",
      () => Promise.resolve(lines.some((line) => line.startsWith("reserve item ("))),
    )
    cli.system.restore()
    assert.strictEqual((await ended).code, 0)
    const printed = lines.join("\n")
    assert.match(printed, new RegExp(`^${id} is pending$`, "m"))
    assert.match(
      printed,
      /reserve money: reserved [^]*reserve item: reserved [^]*reserve slot: reser/,
    )
    assert.match(lines.at(-1)!, new RegExp(`^${id} is completed$`))
    assert.strictEqual(new Set(lines).size, lines.length)
  })

  it("prints the whole system's state every second, until it is interrupted", async () => {
    const { lines, interrupt } = await cli.start(["watch"])
    await soon("there are two lines below the heading", () => Promise.resolve(lines.length > 2))
    await interrupt()
    assert.match(lines[0]!, /^TIME +SERVICES +PLACED\/S/)
    assert.match(lines[1]!, /^\d\d:\d\d:\d\d {2}\d of 7 /)
  })
})

describe("an order that is stuck", () => {
  it("is shown in groups, and retried alone or with all that match", async () => {
    const id = await waitingOrder()
    const { code, lines } = await cli.run(["stuck"])
    assert.strictEqual(code, 0)
    assert.match(lines[1]!, new RegExp(`^ +1 +reserve +item +${id}`))
    const [counted] = await cli.data("retry", "--step", "item", "--dry-run")
    assert.deepInclude(counted, { woken: 0 })
    assert.strictEqual(counted.waiting + counted.trying, 1)
    assert.strictEqual((await cli.run(["retry", id, ...why])).code, 0)
    cli.system.restore()
    await cli.run(["retry", "--step", "item", ...why])
    await soon("the order is completed", async () => await cli.system.statusOf(id) === "completed")
    const late = await cli.run(["retry", id, ...why])
    assert.deepStrictEqual([late.code, late.lines], [
      1,
      ["0 retried now; 0 match and wait, 0 match and are already being retried."],
    ])
    const all = await cli.run(["retry", "--all", "--cap", "5", ...why])
    assert.deepStrictEqual([all.code, (await cli.run(["stuck"])).errors], [0, [
      "Nothing is stuck.",
    ]])
  })

  it("is cancelled while it is undecided; the state of a decided one is printed instead", async () => {
    const id = await waitingOrder()
    const { code, lines } = await cli.run(["cancel", id, ...why])
    assert.deepStrictEqual([code, lines], [0, [`${id} cancelled: compensating`]])
    cli.system.restore()
    await soon("the order is undone", async () => await cli.system.statusOf(id) === "failed")
    const done = await finalOrder()
    const late = await cli.run(["cancel", done, ...why])
    assert.deepStrictEqual([late.code, late.lines], [1, []])
    assert.match(
      late.errors.join("\n"),
      /^The order is completed, so it cannot be cancelled[^\n]+$/,
    )
    const trail = await cli.system.trail()
    assert.isTrue(trail.some((entry) => entry.target === id && entry.why === why[1]))
  })
})

describe("dead letters", () => {
  it("are shown with their payload, and redriven or discarded, some or all", async () => {
    const refuses = () => Promise.resolve(Response.json({}, { status: 400 }))
    cli.system.disturb("items", refuses)
    const ids = await Promise.all([1, 2, 3].map(() => cli.system.place()))
    await soon("all orders are dead letters", async () => (await cli.data("dead")).length === 3)
    const { lines } = await cli.run(["dead", "--order", ids[0]!])
    assert.match(lines[1]!, new RegExp(`^\\d+-\\d+ +\\d s +1 +${ids[0]} +`))
    assert.include(lines[2], ids[0])
    cli.system.restore()
    const [first, ...others] = (await cli.data("dead")).map(({ id }) => id as string)
    const redriven = await cli.run(["redrive", first!, ...why])
    assert.deepStrictEqual(redriven, {
      code: 0,
      lines: [`${first}  redriven`],
      errors: ["1 redriven."],
    })
    const discarded = await cli.run(["discard", "--all", ...why])
    assert.deepStrictEqual(discarded.lines, others.map((letter) => `${letter}  discarded`))
    const again = await cli.run(["redrive", others[0]!, ...why])
    assert.deepStrictEqual([again.code, again.lines], [1, [`${others[0]}  absent`]])
    assert.deepStrictEqual((await cli.run(["dead"])).errors, ["There are no dead letters."])
  })
})

describe("stock", () => {
  it("is shown and changed in the participant's unit, and never below zero", async () => {
    const name = cli.system.ann.username
    const [before] = await cli.data("stock", "billing", "--prefix", name)
    const more = await cli.run(["restock", "billing", name, "--add", "25.50", ...why])
    assert.deepStrictEqual([more.code, more.errors], [0, []])
    const [after] = await cli.data("stock", "billing", "--prefix", name)
    assert.strictEqual(after.left, before.left + 2_550)
    const { lines } = await cli.run(["stock", "billing", "--prefix", name])
    assert.match(lines[1]!, new RegExp(`^${name} +${(after.left / 100).toFixed(2)} `))
    const { code, errors } = await cli.run(["restock", "items", "3", "--take", "9000000", ...why])
    assert.strictEqual(code, 1)
    assert.match(errors.join("\n"), /^\d+ of 3 are left, [^\n]+$/)
    const ledger = await cli.run(["stock", "billing", "--adjustments", "--limit", "1"])
    assert.match(ledger.lines[1]!, /\+25\.50 .* the customer called$/)
  })

  it("is changed once when the command is repeated with the printed key", async () => {
    cli.system.disturb("items", losesAnswers)
    const words = ["restock", "items", "9", "--add", "50", ...why]
    const { code, errors } = await cli.run(words)
    assert.strictEqual(code, 2)
    const [, key = ""] =
      /It is unknown whether this was done: .* --key (\S+)$/.exec(errors.join()) ??
        []
    cli.system.restore()
    assert.strictEqual((await cli.run([...words, "--key", key])).code, 0)
    const changes = await cli.data("stock", "items", "--adjustments")
    assert.strictEqual(changes.filter(({ resource }) => resource === "9").length, 1)
  })
})
