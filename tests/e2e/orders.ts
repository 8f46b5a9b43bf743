/** Orders from end to end: how they can end, what each leaves behind, and who can see them. */
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { OrderView } from "#shared/contracts/order-state.ts"
import type { NewOrder } from "#shared/contracts/order.ts"
import { endingOf, scenario } from "#services/console/cli/demo/scenario.ts"
import {
  assertProblem,
  type Customer,
  decoded,
  lookUp,
  newCustomer,
  place,
  post,
  repeat,
  send,
  walletOf,
} from "./client.ts"

/** Fails at once, because nobody has that much, and takes nothing. */
const tooMuch: NewOrder = { amount: 101, item: 4, slot: "08:00" }

describe("an order", () => {
  for (const { title, order, ending } of scenario) {
    const { amount, ...details } = order
    for (const [form, body] of [["flat", order], ["details", { amount, details }]] as const) {
      it(`for ${title} ends as ${ending.status}, sent in the ${form} form`, async () => {
        const customer = await newCustomer()
        const placed = await place(customer, body)
        assert.deepInclude(placed, { ...order, details, username: customer.username })
        assert.strictEqual(placed.success, ending.status === "completed")
        const { timeline: _, stuck, ...looked } = await lookUp(customer, placed.id)
        assert.deepStrictEqual<unknown>([looked, stuck], [placed, null])
        const wallet = await walletOf(customer)
        assert.deepStrictEqual(
          endingOf(await lookUp(customer, placed.id), wallet),
          ending,
        )
      })
    }
  }

  it("costs its amount, to the cent", async () => {
    const customer = await newCustomer()
    await place(customer, { amount: 0.1, item: 5, slot: "07:00" })
    await place(customer, { amount: 0.2, item: 5, slot: "07:00" })
    assert.strictEqual(await walletOf(customer), 99.7)
  })

  it("never spends money twice, however many orders come at once", async () => {
    const customer = await newCustomer()
    const order = { amount: 30, item: 6, slot: "06:00" }
    const orders = await repeat(20, () => place(customer, order))
    const reasons = orders.map(({ reason }) => reason)
    assert.strictEqual(reasons.filter((reason) => reason === null).length, 3)
    assert.strictEqual(reasons.filter((reason) => reason === "Not enough money").length, 17)
    assert.strictEqual(await walletOf(customer), 10)
  })
})

describe("POST /api/orders/", () => {
  it("answers at once that the order is pending, with its location", async () => {
    const customer = await newCustomer()
    const answer = await post(customer, tooMuch)
    const { id, status, success, reason, decidedAt } = decoded(answer, 201, OrderView)
    assert.deepStrictEqual({ status, success, reason, decidedAt }, {
      status: "pending",
      success: null,
      reason: null,
      decidedAt: null,
    })
    assert.strictEqual(answer.headers.get("location"), `/api/orders/${id}`)
    assert.isNull(answer.headers.get("preference-applied"))
    const there = await send(`/api/orders/${id}`, { token: customer.access })
    assert.strictEqual(there.status, 200)
  })

  it("waits with Prefer: wait until the order is final, for half a minute at most", async () => {
    const customer = await newCustomer()
    for (
      const [prefer, applied] of [
        ["wait=10", "wait=10"],
        ["respond-async, wait=10", "wait=10"],
        ["wait=3600", "wait=30"],
      ] as const
    ) {
      const answer = await post(customer, tooMuch, { prefer })
      assert.strictEqual(decoded(answer, 201, OrderView).status, "failed")
      assert.strictEqual(answer.headers.get("preference-applied"), applied)
    }
  })

  it("ignores unknown preferences", async () => {
    const customer = await newCustomer()
    for (const prefer of ["wait=soon", "wait=-1", "return=minimal", ";;,="]) {
      const answer = await post(customer, tooMuch, { prefer })
      assert.strictEqual(answer.status, 201)
      assert.isNull(answer.headers.get("preference-applied"))
    }
  })
})

describe("GET /api/orders/", () => {
  const list = async (customer: Customer, path = "/api/orders/") => {
    const answer = await send(path, { token: customer.access })
    const [, before] = /^<(.+)>; rel="prev"$/.exec(answer.headers.get("link") ?? "") ?? []
    return { orders: decoded(answer, 200, Schema.Array(OrderView)), before }
  }

  it("is empty for a new customer", async () => {
    assert.deepStrictEqual(await list(await newCustomer()), { orders: [], before: undefined })
  })

  it("gives all orders, oldest first, on as many pages as wanted", async () => {
    const customer = await newCustomer()
    const placed = await repeat(7, () => place(customer, tooMuch), 1)
    const { orders, before } = await list(customer)
    assert.isUndefined(before)
    assert.sameDeepMembers([...orders], [...placed])
    const times = orders.map(({ createdAt }) => createdAt)
    assert.deepStrictEqual(times, times.toSorted())
    for (const [limit, sizes] of [[3, [3, 3, 1]], [7, [7]], [6, [6, 1]]] as const) {
      const pages: Array<ReadonlyArray<OrderView>> = []
      let next: string | undefined = `/api/orders/?limit=${limit}`
      while (next !== undefined) {
        const page = await list(customer, next)
        pages.unshift(page.orders)
        next = page.before
      }
      assert.deepStrictEqual(pages.map(({ length }) => length), sizes.toReversed())
      assert.deepStrictEqual(pages.flat(), [...orders])
    }
  })
})

describe("another customer's", () => {
  it("orders are treated as nonexistent", async () => {
    const [ada, bob] = [await newCustomer(), await newCustomer()]
    const { id } = await place(ada, tooMuch)
    const nobodys = "00000000-0000-7000-8000-000000000000"
    for (const path of ["", "/events"]) {
      const [hidden, absent] = [
        await send(`/api/orders/${id}${path}`, { token: bob.access }),
        await send(`/api/orders/${nobodys}${path}`, { token: bob.access }),
      ]
      const { requestId: _, ...problem } = assertProblem(hidden, 404, "order_not_found")
      const { requestId: __, ...same } = assertProblem(absent, 404, "order_not_found")
      assert.deepStrictEqual(problem, same)
    }
    assert.strictEqual((await send("/api/orders/", { token: bob.access })).text, "[]")
  })

  it("account is treated as nonexistent", async () => {
    const [ada, bob] = [await newCustomer(), await newCustomer()]
    for (const username of [ada.username, "nobody-at-all"]) {
      const answer = await send(`/api/accounts/${username}`, { token: bob.access })
      assertProblem(answer, 404, "account_not_found")
    }
  })
})
