/**
 * Intake and the decision register: the orders table behind HTTP and in front of the stream, and
 * nothing else.
 */
import { openDatabase } from "./database.ts"
import { environment, ready, whole } from "./environment.ts"
import { groupCommit } from "./group-commit.ts"
import { serve } from "./http-server.ts"
import { insertOrders, orderOf, viewOf } from "./intake.ts"
import { openRedis } from "./redis.ts"
import { type Decisions, registerOf, type Statuses } from "./register.ts"
import { type DecisionRequest, type OrderMessage, unpacked } from "./wire.ts"

const { ORDERS_DATABASE_URL, REDIS_URL, STREAM } = environment(
  "ORDERS_DATABASE_URL",
  "REDIS_URL",
  "STREAM",
)
const redis = openRedis(REDIS_URL)
const intake = openDatabase(ORDERS_DATABASE_URL, 2)

const place = groupCommit<OrderMessage, void>({
  most: 500,
  workers: 2,
  run: async (orders) => {
    await insertOrders(intake, orders)
    await redis(...orders.map((order) => ["xadd", STREAM, "*", "message", JSON.stringify(order)]))
    return orders.map(() => undefined)
  },
})

const decide = groupCommit<Decisions, Statuses>({
  most: 1000,
  sizeOf: ({ length }) => length,
  // One runs while the next is sent; both on one connection, so none waits for a lock.
  workers: 2,
  run: registerOf(openDatabase(ORDERS_DATABASE_URL, 1)),
})

await serve(whole("PORT"), {
  "/api/orders": async (text, headers) => {
    const order = orderOf(text, headers)
    await place(order)
    return { status: 201, text: viewOf(order) }
  },
  "/internal/decisions": async (text) => {
    const decisions = unpacked(JSON.parse(text) as DecisionRequest)
    const statuses = await decide(decisions)
    const answers = decisions.map(({ orderId }, n) => ({ orderId, status: statuses[n] }))
    return { status: 200, text: JSON.stringify({ decisions: answers }) }
  },
})
ready()
