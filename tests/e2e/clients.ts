/**
 * The clients that come with the system, in use: the Postman collection, run by newman, and the
 * demo.
 */
import { assert, describe, it } from "vitest"
import { runDemo, runNewman } from "./another-program.ts"
import collection from "./unwind.postman_collection.json" with { type: "json" }
import { system } from "./system-under-test.ts"

interface Item {
  readonly name: string
  readonly item?: ReadonlyArray<Item>
  readonly description?: string
  readonly request?: { readonly description?: string }
  readonly event?: ReadonlyArray<{ readonly listen: string; readonly script: Script }>
}

interface Script {
  readonly exec: ReadonlyArray<string>
}

const withAllBelow = (item: Item): ReadonlyArray<Item> => [
  item,
  ...(item.item ?? []).flatMap(withAllBelow),
]

describe("the Postman collection", () => {
  it("passes against the system", async () => {
    const { code, stdout } = await runNewman(["--env-var", `baseUrl=${system.baseUrl}`]).ended
    assert.strictEqual(code, 0, stdout)
    assert.match(stdout, /requests │ +29 │ +0 │/)
  })

  it("fails without a system", async () => {
    const { code } = await runNewman(["--env-var", "baseUrl=http://127.0.0.1:1"]).ended
    assert.strictEqual(code, 1)
  })

  it("describes and checks every request", () => {
    for (const { name, description, request, event } of collection.item.flatMap(withAllBelow)) {
      assert.isNotEmpty(request?.description ?? description, name)
      if (request === undefined) continue
      const tests = event?.filter(({ listen }) => listen === "test")
        .flatMap(({ script }) => script.exec)
      assert.include(tests?.join("\n"), "pm.test(", name)
    }
  })
})

describe("the demo with --base-url", () => {
  it("shows four orders that end as expected", async () => {
    const { code, stdout, stderr } = await runDemo(["--base-url", `${system.baseUrl}/`]).ended
    assert.deepStrictEqual([code, stderr], [0, ""], stdout)
    assert.include(stdout, ` has signed up at ${system.baseUrl}. The wallet holds 100.\n`)
    const endings = stdout.split("\n").filter((line) => line.includes(": as expected"))
    assert.deepStrictEqual(endings, [
      "   failed (Can not get the delivery slot), wallet 100: as expected",
      "   failed (Can not reserve the item), wallet 100: as expected",
      "   failed (Not enough money), wallet 100: as expected",
      "   completed, wallet 0: as expected",
    ])
    assert.isTrue(stdout.endsWith("\n4 orders, 4 as expected.\n"))
  })

  it("draws the orders in a hundred columns, without colour in a pipe", async () => {
    const { stdout } = await runDemo(["--base-url", system.baseUrl]).ended
    const rows = stdout.split("\n").map((line) => line.replace(/ +\d+ ms$/, ""))
    for (const row of rows) assert.isAtMost(row.length, 100)
    assert.notInclude(stdout, "\x1b")
    const start = rows.findIndex((row) => row.startsWith("1. "))
    assert.strictEqual(rows.slice(start, start + 17).join("\n"), firstOrder)
  })
})

const firstOrder = `1. 5 for item 1 in slot 19:00: a delivery slot that does not exist

 orchestrator                      billing            items             slots
       │                              │                 │                 │
       │── try to reserve 5 ─────────►│                 │                 │
       │◄- ok ------------------------│                 │                 │
       │── try to reserve item 1 ─────┼────────────────►│                 │
       │◄- ok ------------------------┼-----------------│                 │
       │── try to reserve slot 19:00 ─┼─────────────────┼────────────────►│
       │◄- fail ----------------------┼-----------------┼-----------------│
       │── revert item ───────────────┼────────────────►│                 │
       │◄- ok ------------------------┼-----------------│                 │
       │── revert money ─────────────►│                 │                 │
       │◄- ok ------------------------│                 │                 │
       │                              │                 │                 │

   failed (Can not get the delivery slot), wallet 100: as expected`
