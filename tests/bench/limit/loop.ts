/**
 * The un-batched loop: a saga lives in memory, makes a call for each command, and writes its order once, as it ended.
 * Nothing of it is durable before that.
 */
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { openDatabase } from "./database.ts"
import { environment, ready, whole } from "./environment.ts"
import { clientOf } from "./http-client.ts"
import { serve } from "./http-server.ts"
import { orderOf } from "./intake.ts"
import { commandOf, type Step, steps } from "./steps.ts"

const { PARTICIPANTS_URL, ORDERS_DATABASE_URL } = environment(
  "PARTICIPANTS_URL",
  "ORDERS_DATABASE_URL",
)
const participants = clientOf(PARTICIPANTS_URL, 64)
const sql = openDatabase(ORDERS_DATABASE_URL, 24)

const call = async (step: Step, action: Command["action"], order: OrderMessage) => {
  const commands = [commandOf(step, action, order)]
  const answer = await participants(step.path, JSON.stringify({ commands }))
  const { outcomes } = JSON.parse(answer) as { readonly outcomes: readonly [Outcome] }
  return outcomes[0].outcome
}

/** Gives the reason of a failure, or null. */
const runOrder = async (order: OrderMessage): Promise<string | null> => {
  for (const [n, step] of steps.entries()) {
    if (await call(step, "reserve", order) === "reserved") continue
    for (const held of steps.slice(0, n).reverse()) await call(held, "cancel", order)
    return step.refusal
  }
  return null
}

const write = (order: OrderMessage, reason: string | null) => {
  const { orderId, username, amountMinor, details, createdAtMs } = order
  const status = reason === null ? "completed" : "failed"
  return sql`
    insert into orders
      (id, username, amount, details, steps, status, reason, created_at, decided_at)
    values (${orderId}, ${username}, ${amountMinor}, ${sql.json(details)}, ${
    sql.json([...order.steps])
  },
      ${status}, ${reason}, ${new Date(createdAtMs)}, now())`
}

await serve(whole("PORT"), {
  "/api/orders": async (text, headers) => {
    const order = orderOf(text, headers)
    const reason = await runOrder(order)
    await write(order, reason)
    const status = reason === null ? "completed" : "failed"
    return { status: 200, text: JSON.stringify({ status, reason }) }
  },
})
ready()
