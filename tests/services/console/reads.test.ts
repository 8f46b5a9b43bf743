/** The console's views of a single service's data, and its answers while that is unavailable. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { participantNames } from "#shared/contracts/order-saga.ts"
import type { ServiceName } from "#shared/roster.ts"
import { isDown, type RunningConsole, soon, startConsole } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
})
afterEach(() => console_.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const reads: ReadonlyArray<readonly [path: string, of: ServiceName]> = [
  ["orders", "orders"],
  ["stuck", "orchestrator"],
  ["sagas", "orchestrator"],
  ["queue", "orchestrator"],
  ["dead-letters", "orchestrator"],
  ["audit", "orchestrator"],
  ...participantNames.flatMap((name) =>
    [[`stock/${name}`, name], [`stock/${name}/adjustments`, name]] as const
  ),
]

describe("the console", () => {
  it("lists orders by filters, newest first, page by page", async () => {
    const ids = [await console_.place(), await console_.place({ item: 2 }), await console_.place()]
    for (const id of ids) {
      await soon("the order is final", async () => await console_.statusOf(id) === "completed")
    }
    const page = async (query: string) => {
      const { status, body } = await console_.ask(`orders?${query}`)
      assert.strictEqual(status, 200)
      return {
        ids: body.orders.map(({ id }: { readonly id: string }) => id),
        next: body.next as string | null,
      }
    }
    const first = await page(`username=${console_.ann.username}&limit=2`)
    assert.deepStrictEqual(first.ids, [ids[2], ids[1]])
    const second = await page(`username=${console_.ann.username}&limit=2&after=${first.next}`)
    assert.deepStrictEqual(second, { ids: [ids[0]], next: null })
    assert.deepStrictEqual((await page("item=2&status=completed")).ids, [ids[1]])
    assert.deepStrictEqual((await page(`id=${ids[0]}`)).ids, [ids[0]])
  })

  it("shows what is left of items, and an account's balance", async () => {
    const items = await console_.ask("stock/items?limit=2")
    assert.strictEqual(items.body.stock.length, 2)
    assert.isNotNull(items.body.next)
    const account = await console_.ask(`stock/billing?prefix=${console_.ann.username}`)
    assert.deepInclude(account.body.stock[0], { resource: console_.ann.username })
    assert.strictEqual(account.body.next, null)
  })

  it.each(reads)("answers %s with a problem while %s is unavailable", async (path, service) => {
    assert.strictEqual((await console_.ask(path)).status, 200)
    console_.disturb(service, isDown)
    const { status, headers, body } = await console_.ask(path)
    assert.deepInclude(body, { status: 503, code: "service_away" })
    assert.strictEqual(status, 503)
    assert.include(body.detail, service)
    assert.strictEqual(headers.get("content-type"), "application/problem+json")
    assert.strictEqual(headers.get("retry-after"), "1")
  })

  it("answers 404 for a view that a participant does not offer, which is not a failure", async () => {
    console_.disturb("items", () => Promise.resolve(new Response("", { status: 404 })))
    for (const path of ["stock/items", "stock/items/adjustments"]) {
      const { status, body } = await console_.ask(path)
      assert.deepInclude(body, { status: 404, code: "not_offered" })
      assert.include(body.detail, "items does not offer this")
      assert.strictEqual(status, 404)
    }
  })

  const lists = reads.filter(([path]) => !["stuck", "queue", "audit"].includes(path))
  it.each(lists)("refuses an invalid query of %s", async (path) => {
    for (const query of ["surprise=1", "limit=0", "limit=501", "limit=1&limit=2", "after=%00"]) {
      const { body } = await console_.ask(`${path}?${query}`)
      assert.deepInclude(body, { status: 400 }, `${path}?${query}`)
    }
  })

  it("limits the concurrent requests of one operator, and still answers others", async () => {
    const other = await console_.operator()
    let open = () => {}
    const opened = new Promise<void>((resolve) => open = resolve)
    console_.disturb("orchestrator", (answer) => opened.then(answer))
    const statuses: Array<number> = []
    const asked = Array.from({ length: 40 }, async () => {
      const { status, headers, body } = await console_.ask("queue")
      statuses.push(status)
      if (status === 429) {
        assert.strictEqual(body.code, "too_many_requests")
        assert.strictEqual(headers.get("retry-after"), "1")
      }
    })
    await soon(
      "some are refused, while the others wait",
      () => Promise.resolve(statuses.length >= 20),
    )
    const others = console_.ask("queue", { by: other.access })
    open()
    assert.strictEqual((await others).status, 200)
    await Promise.all(asked)
    const refused = statuses.filter((status) => status === 429).length
    assert.isAtLeast(refused, 20)
    assert.isAtMost(refused, 30, "some were answered")
    assert.strictEqual((await console_.ask("queue")).status, 200, "when there is room again")
  })

  it("refuses the stock of a service that is not a participant", async () => {
    assert.strictEqual((await console_.ask("stock/orders")).status, 400)
  })
})
