/**
 * `docs/operate.md` does what it says: each of its commands is run while the fault that it is for
 * exists.
 */
import { join } from "node:path"
import { Effect, Exit, References, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it, vi } from "vitest"
import { startSystem } from "#compose/embedded/system.ts"
import { startCommand } from "#tests/services/console/cli/running-cli.ts"
import { type Conduct, isDown, soon } from "#tests/services/console/running-console.ts"
import { newCustomer } from "#tests/support/customer.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { type Runbook, startRunbook } from "./runbook.ts"

const scope = Scope.makeUnsafe()
let book: Runbook

beforeAll(async () => {
  book = await Effect.runPromise(Scope.provide(startRunbook, scope))
})
afterEach(() => book.system.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const unwind = (command: string) => `npm run unwind -- ${command}`

/** Runs a command of the runbook, and returns what it printed. */
const run = async (command: string, places?: Readonly<Record<string, string>>) => {
  const { code, lines, errors } = await book.run(unwind(command), places)
  return { code, text: lines.join("\n"), notes: errors.join("\n") }
}

/** Returns the function that ends the disturbance. */
const disturbItems = (conduct: Conduct) => {
  book.system.disturb("items", conduct)
  return book.system.restore
}

const ends = (id: string, status: string) =>
  soon(`${id} is ${status}`, async () => await book.system.statusOf(id) === status)

const placed = async (status: string, wish = {}) => {
  const id = await book.system.place(wish)
  await ends(id, status)
  return id
}

const firstLine = async (command: string) => (await run(command)).text.split("\n")[1] ?? ""

describe("Your tools", () => {
  it("make an operator, who logs in and reads; and show who did what", async () => {
    assert.strictEqual((await book.run("npm run operators -- grant ada")).code, 0)
    await book.run("export UNWIND_USER=ada")
    const [heading, row] = await book.look(unwind("watch"), 2)
    assert.match(heading!, /SERVICES .* LAG .* LAG AGE .* DEAD .* AUDIT/)
    assert.match(row!, / 7 of 7 /)
    const trail = await book.run("npm run trail")
    assert.match(trail.lines.join("\n"), / operator-grant .* ada /)
  })
})

describe("An order is stuck", () => {
  it("is shown in its group, cancelled, and retried at once when told to", async () => {
    const mend = disturbItems(isDown)
    const [kept, unwanted] = [await book.system.place(), await book.system.place()]
    await soon("both orders wait", async () => / 2 +reserve +item /.test((await run("stuck")).text))
    assert.include((await run("orders --status pending")).text, kept)
    const { text } = await run("show", { $ORDER: kept })
    assert.match(text, /: pending$/m)
    assert.match(text, /^Now +reserve item .* holds money$/m)
    const { text: cancelled } = await run("cancel", { $ORDER: unwanted })
    assert.match(cancelled, /cancelled: compensating$/)
    await soon("the next attempt is some time away", async () => {
      const [, seconds] = / in (\d+) s /.exec(await firstLine("stuck")) ?? []
      return Number(seconds) >= 2
    })
    mend()
    const counted = await run("retry --step item --dry-run")
    assert.match(counted.text, /^0 retried now; [12] match and wait/)
    const tried = await run("retry --step item --reason")
    assert.match(tried.text, /^[12] retried now; /)
    await Promise.all([ends(kept, "completed"), ends(unwanted, "failed")])
    assert.strictEqual((await run("stuck")).notes, "Nothing is stuck.")
  })
})

describe("Dead letters", () => {
  it("are shown with their cause, redriven when it is resolved, or discarded", async () => {
    const refuses: Conduct = () => Promise.resolve(Response.json({}, { status: 400 }))
    const mend = disturbItems(refuses)
    const ids = await Promise.all([1, 2, 3].map(() => book.system.place()))
    const letters = async () => [
      ...(await run("dead")).text.matchAll(/^(\d+-\d+) +.* (\S+) +items answered 400/gm),
    ]
    await soon("the orders are dead letters", async () => (await letters()).length === 3)
    assert.match((await run("show", { $ORDER: ids[0]! })).text, /^Letter +\d+-\d+, .* 400/m)
    mend()
    const [[, letter = "", order = ""] = []] = await letters()
    const redriven = await run("redrive $LETTER", { $LETTER: letter })
    assert.deepStrictEqual(
      [redriven.code, redriven.text],
      [0, `${letter}  redriven`],
    )
    await ends(order, "completed")
    assert.strictEqual((await run("redrive --all")).notes, "2 redriven.")
    for (const id of ids) await ends(id, "completed")

    const again = disturbItems(refuses)
    const last = await book.system.place()
    await soon("the order is a dead letter", async () => (await letters()).length === 1)
    const [[, ours = ""] = []] = await letters()
    assert.strictEqual(
      (await run("discard", { $LETTER: ours })).text,
      `${ours}  discarded`,
    )
    again()
    assert.strictEqual((await run("dead")).notes, "There are no dead letters.")
    // As if the wait until its next publication had passed.
    await book.system.sql("orders")`update orders set publish_at = now() where id = ${last}`
    await ends(last, "completed")
  })
})

/** As in an older state of items. */
const forget = async (id: string, how: "absent" | "cancelled") => {
  const sql = book.system.sql("items")
  if (how === "absent") await sql`delete from reservations where order_id = ${id}`
  else await sql`update reservations set outcome = 'cancelled' where order_id = ${id}`
  await sql`update items set stock = stock + 1 where id = '1'`
}

const audited = async () => {
  const looked = await run("heal --dry-run")
  const { code, text } = await run("audit")
  return { looked, code, text }
}

const expectSound = async () => {
  const { looked, code, text } = await audited()
  assert.deepStrictEqual([looked.code, code], [0, 0], `${looked.text}\n${text}`)
  assert.match(text, /^Verdict +sound/m)
}

describe("The audit finds something", () => {
  it("heals what failed and unknown orders hold; an imbalance is corrected by hand", async () => {
    const items = book.system.sql("items")
    const failed = await placed("failed", { slot: "23:59" })
    await items`update reservations set outcome = 'reserved' where order_id = ${failed}`
    const orphan = crypto.randomUUID()
    await items`insert into reservations (order_id, outcome, resource, quantity, recorded_at)
      values (${orphan}, 'reserved', '1', 1, now() - interval '1 day')`
    await items`update items set stock = stock - 2 where id = '1'`
    const [right] = await items<[{ stock: string }]>`select stock from items where id = '1'`
    await items`update items set stock = 7 where id = '1'`
    const found = await audited()
    assert.match(found.looked.text, /2 can be healed, 0 healed$/m)
    for (const kind of [`leftover +${failed}`, `orphan +${orphan}`, "imbalance +books"]) {
      assert.match(found.text, new RegExp(`^${kind} `, "m"))
    }
    const healed = await run('heal --reason "after the restore of items"')
    assert.match(healed.text, /2 can be healed, 2 healed$/m)
    const [, opening, , held, consumed] =
      /started with (\d+) of 1, but (\d+) are left, (\d+) held and (\d+) consumed/
        .exec((await audited()).text)!.map(Number)
    const wanted = opening! - held! - consumed!
    assert.strictEqual(wanted, Number(right.stock) + 2)
    await book.send("update items set stock = 97", "items", { "= 97": `= ${wanted}` })
    assert.match((await run("restock items 1")).text, /^1: -90, \d+ left/)
    await expectSound()
  })
})

describe("A participant was restored from a backup", () => {
  it("reserves again what completed orders need, whatever its record of them is", async () => {
    const ids = [await placed("completed"), await placed("completed")]
    await forget(ids[0]!, "absent")
    await forget(ids[1]!, "cancelled")
    const { code, text } = await audited()
    assert.strictEqual(code, 1)
    for (const id of ids) {
      assert.match(text, new RegExp(`^missing +${id} .* completed with 1 of 1, but items has`, "m"))
      await book.send("begin;", "items", { $ORDER: id })
    }
    await expectSound()
  })

  it("is refused if nothing is left, and changes nothing", async () => {
    const items = book.system.sql("items")
    const [before] = await items<[{ stock: string }]>`select stock from items where id = '1'`
    await items`update items set stock = 0 where id = '1'`
    const refusal = await book.send("begin;", "items", { $ORDER: crypto.randomUUID() })
      .then(() => "none", (error: Error) => error.message)
    assert.include(refusal, "items_stock_check")
    await items`update items set stock = ${before.stock} where id = '1'`
    await expectSound()
  })
})

describe("One database after the other", () => {
  it("lets orders continue, and leaves orphans, which healing gives back", async () => {
    const orders = book.system.sql("orders")
    const mend = disturbItems(isDown)
    const inFlight = await book.system.place()
    await soon("the order waits", async () => / reserve +item /.test((await run("stuck")).text))
    await orders.unsafe("create table kept as table orders")
    mend()
    await ends(inFlight, "completed")
    const later = await placed("completed")
    // The others' data is current, and old enough not to be in flight.
    for (const name of ["billing", "items", "slots"] as const) {
      await book.system.sql(name)`update reservations set recorded_at = now() - interval '1 day'
        where order_id = ${later}`
    }
    // Statements that are sent together are one transaction.
    await orders.unsafe(`truncate orders; insert into orders table kept;
      update orders set publish_at = now() where publish_at is not null`)
    assert.strictEqual(await book.system.statusOf(inFlight), "pending")
    await ends(inFlight, "completed")

    const { text } = await audited()
    const list = (await book.run("npm run --silent unwind -- audit --json")).lines
      .map((line) => JSON.parse(line))
    const orphans = list.filter(({ kind }) => kind === "orphan")
    assert.deepStrictEqual(orphans.map(({ orderId }) => orderId), [later, later, later])
    assert.notMatch(text, /^(missing|mismatch|leftover|imbalance) /m)
    const healed = await run('heal --reason "restored')
    assert.match(healed.text, /3 can be healed, 3 healed$/m)
    await expectSound()
  })
})

/** Like `npm start`, except that it is not a process of its own. */
const withSystem = (dataDir: string, use: (baseUrl: string) => Promise<void>) =>
  startSystem({
    host: "127.0.0.1",
    port: 0,
    internalPort: 0,
    dataDir,
    queueUrl: "memory:",
    environment: plentyOfOrders,
    progress: () => Effect.void,
  }).pipe(
    Effect.andThen(({ port }) => Effect.promise(() => use(`http://127.0.0.1:${port}`))),
    Effect.scoped,
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Effect.runPromise,
  )

describe("npm start", () => {
  it("is restored, with all orders intact, from a copy of its folder", async () => {
    const DATA_DIR = join(book.folder, ".data")
    const completeOne = (key: string) =>
      withSystem(DATA_DIR, async (baseUrl) => {
        const { order, tryToPlace } = await newCustomer(() => baseUrl)
        const id = await tryToPlace({ amount: 1, item: 1, slot: "09:00" }, key)
        await soon(
          "the order is final",
          async () => (await order(baseUrl, id!)).status === "completed",
        )
      })
    await completeOne("before the backup")
    await book.inFolder("cp -a .data .data-backup")
    await completeOne("after the backup")
    await book.inFolder("rm -rf .data")
    await book.inFolder("cp -a .data-backup .data")
    const printed = vi.spyOn(console, "log").mockImplementation(() => {})
    const { code } = await (await startCommand(["audit"], { DATA_DIR })).ended
    const text = printed.mock.calls.join("\n")
    printed.mockRestore()
    assert.match(text, /^Orders +1: held by all 1, /m)
    assert.strictEqual(code, 0)
  })
})

it("has no command that no test here has run", () => assert.deepStrictEqual(book.left(), []))
