/**
 * Idempotency-Key from end to end: an order that is sent with one key is one order, however often
 * it is sent.
 */
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { OrderView } from "#shared/contracts/order-state.ts"
import {
  assertProblem,
  type Customer,
  decoded,
  newCustomer,
  post,
  repeat,
  send,
  walletOf,
} from "./client.ts"

const order = { amount: 10, item: 7, slot: "05:00" }

const postWith = (customer: Customer, key: string, body: unknown) =>
  post(customer, body, { "idempotency-key": key, prefer: "wait=30" })

const isReplayed = ({ headers }: { readonly headers: Headers }) =>
  headers.get("idempotent-replayed") === "true"

const ordersOf = async ({ access }: Customer) =>
  decoded(await send("/api/orders/", { token: access }), 200, Schema.Array(OrderView))

describe("Idempotency-Key", () => {
  it("gives the same order for the same key and order, and says so", async () => {
    const customer = await newCustomer()
    const { amount, ...details } = order
    const first = await postWith(customer, "a", order)
    assert.isFalse(isReplayed(first))
    for (const body of [order, { amount, details }]) {
      const again = await postWith(customer, "a", body)
      assert.isTrue(isReplayed(again))
      assert.deepStrictEqual(decoded(again, 201, OrderView), decoded(first, 201, OrderView))
      assert.strictEqual(again.headers.get("location"), first.headers.get("location"))
    }
    assert.strictEqual(await walletOf(customer), 90)
  })

  it("refuses another order with the same key", async () => {
    const customer = await newCustomer()
    decoded(await postWith(customer, "a", order), 201, OrderView)
    for (const other of [{ amount: 10.01 }, { item: 8 }, { slot: "04:00" }]) {
      const answer = await postWith(customer, "a", { ...order, ...other })
      assertProblem(answer, 422, "idempotency_key_reused")
    }
    assert.strictEqual((await ordersOf(customer)).length, 1)
  })

  it("makes two orders for two keys, and for the same key of two customers", async () => {
    const [ada, bob] = [await newCustomer(), await newCustomer()]
    const answers = [
      await postWith(ada, "a", order),
      await postWith(ada, "b", order),
      await postWith(bob, "a", { ...order, amount: 20 }),
    ]
    assert.deepStrictEqual(answers.map(isReplayed), [false, false, false])
    assert.strictEqual(new Set(answers.map((a) => decoded(a, 201, OrderView).id)).size, 3)
    assert.deepStrictEqual([await walletOf(ada), await walletOf(bob)], [80, 80])
  })

  it("makes one order of twenty requests at once", async () => {
    const customer = await newCustomer()
    const answers = await repeat(20, () => postWith(customer, "a", order))
    const orders = answers.map((answer) => decoded(answer, 201, OrderView))
    assert.strictEqual(new Set(orders.map(({ id }) => id)).size, 1)
    assert.strictEqual(answers.filter(isReplayed).length, 19)
    assert.deepStrictEqual((await ordersOf(customer)).map(({ id }) => id), [orders[0]!.id])
    assert.strictEqual(await walletOf(customer), 90)
  })

  it("accepts one of ten different orders with the same key at once", async () => {
    const customer = await newCustomer()
    const answers = await repeat(10, (n) => postWith(customer, "a", { ...order, amount: n + 1 }))
    const [winner, ...others] = answers.toSorted((a, b) => a.status - b.status)
    const { amount } = decoded(winner!, 201, OrderView)
    for (const answer of others) assertProblem(answer, 422, "idempotency_key_reused")
    assert.deepStrictEqual((await ordersOf(customer)).map((order) => order.amount), [amount])
    assert.strictEqual(await walletOf(customer), 100 - amount)
  })

  it("refuses a key that is empty, too long, or not printable ASCII", async () => {
    const customer = await newCustomer()
    for (const key of ["", "k".repeat(256), "sch\u00fc"]) {
      const { detail } = assertProblem(await postWith(customer, key, order), 400, "invalid_request")
      assert.include(detail, "Idempotency-Key: ")
    }
    assert.deepStrictEqual(await ordersOf(customer), [])
  })
})
