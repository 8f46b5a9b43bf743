/**
 * Two hundred customers at once, and too little for all. Exactly the stock is sold, whether the
 * item or the slot runs out first, and the books balance. The stock must be known, so a system that
 * is given by its URL is not tested.
 */
import { assert, beforeAll, describe, it } from "vitest"
import type { OrderView } from "#shared/contracts/order-state.ts"
import type { NewOrder } from "#shared/contracts/order.ts"
import { type Customer, newCustomer, place, repeat, walletOf } from "./client.ts"
import { givenBaseUrl, useSystem } from "./system-under-test.ts"

const stock = 60
const capacity = 50
const customers: Array<Customer> = []
const bought: Array<OrderView> = []

describe.skipIf(givenBaseUrl !== undefined)("two hundred customers", () => {
  useSystem({ ITEM_STOCK: `${stock}`, SLOT_CAPACITY: `${capacity}` })
  // Each takes two password hashes, which is most of this test's time.
  beforeAll(async () => void customers.push(...await repeat(200, newCustomer, 8)))

  /** Every customer orders once, all at the same time. */
  const allOrder = async (orderOf: (n: number) => NewOrder) => {
    const orders = await repeat(customers.length, (n) => place(customers[n]!, orderOf(n)))
    bought.push(...orders.filter(({ success }) => success))
    return Map.groupBy(orders, ({ reason }) => reason ?? "completed")
  }

  it("buy as many as the slot holds, and give the item back without a slot", async () => {
    const order = (n: number) => ({ amount: (100 + n) / 100, item: 1, slot: "09:00" })
    const ends = await allOrder(order)
    assert.strictEqual(ends.get("completed")?.length, capacity)
    assert.strictEqual(bought.length, capacity)
    // A refusal means that the item was only held by others, or that the slot is full.
    assert.sameMembers([...ends.keys()], [
      "completed",
      "Can not get the delivery slot",
      ...(ends.has("Can not reserve the item") ? ["Can not reserve the item"] : []),
    ])
  })

  it("buy what was given back, to the last unit", async () => {
    const ends = await allOrder(() => ({ amount: 2, item: 1, slot: "08:00" }))
    assert.strictEqual(ends.get("completed")?.length, stock - capacity)
    assert.strictEqual(ends.get("Can not reserve the item")?.length, 200 - (stock - capacity))
  })

  it("buy as many units as there are, over two slots", async () => {
    const ends = await allOrder((n) => ({ amount: 3, item: 2, slot: n % 2 ? "07:00" : "06:00" }))
    assert.strictEqual(ends.get("completed")?.length, stock)
  })

  it("have paid for what they got, and for nothing else", async () => {
    const paid = Map.groupBy(bought, ({ username }) => username)
    await repeat(customers.length, async (n) => {
      const customer = customers[n]!
      const minor = (paid.get(customer.username) ?? [])
        .reduce((sum, { amount }) => sum + Math.round(amount * 100), 0)
      assert.strictEqual(Math.round(await walletOf(customer) * 100), 10_000 - minor)
    }, 20)
  })
})
