/**
 * The loop without batches: a saga is in memory, makes a call for each command, and writes its
 * order once, at its end. Nothing of it is durable before.
 */
import { openDatabase } from "./database.ts"
import { environment, ready, whole } from "./environment.ts"
import { clientOf } from "./http-client.ts"
import { serve } from "./http-server.ts"
import { orderOf } from "./intake.ts"
import { commandOf, entriesOf, type Step, steps } from "./steps.ts"
import type { Command, OrderMessage, TimelineEntry } from "./wire.ts"

const { PARTICIPANTS_URL, ORDERS_DATABASE_URL } = environment(
  "PARTICIPANTS_URL",
  "ORDERS_DATABASE_URL",
)
const participants = clientOf(PARTICIPANTS_URL, 64)
const sql = openDatabase(ORDERS_DATABASE_URL, 24)

const call = async (step: Step, action: Command["action"], order: OrderMessage) => {
  const startedAtMs = Date.now()
  const commands = [commandOf(step, action, order)]
  const answer = await participants(step.path, JSON.stringify({ commands }))
  const { outcomes } = JSON.parse(answer) as {
    readonly outcomes: readonly [{ readonly outcome: TimelineEntry["outcome"] }]
  }
  return entriesOf(step, action, startedAtMs)(outcomes[0].outcome)
}

interface End {
  /** Why the order failed, or null. */
  readonly reason: string | null
  readonly timeline: ReadonlyArray<TimelineEntry>
}

const runOrder = async (order: OrderMessage): Promise<End> => {
  const timeline: Array<TimelineEntry> = []
  for (const [n, step] of steps.entries()) {
    const reserved = await call(step, "reserve", order)
    timeline.push(reserved)
    if (reserved.outcome === "reserved") continue
    for (const held of steps.slice(0, n).reverse()) {
      timeline.push(await call(held, "cancel", order))
    }
    return { reason: step.refusal, timeline }
  }
  return { reason: null, timeline }
}

const write = (order: OrderMessage, { reason, timeline }: End) => {
  const { orderId, username, amountMinor, details, createdAtMs } = order
  const status = reason === null ? "completed" : "failed"
  return sql`
    insert into orders
      (id, username, amount, details, steps, status, reason, created_at, decided_at, timeline)
    values (${orderId}, ${username}, ${amountMinor}, ${JSON.stringify(details)}::text::jsonb,
      ${JSON.stringify(order.steps)}::text::jsonb, ${status}, ${reason}, ${new Date(createdAtMs)},
      now(), ${JSON.stringify(timeline)}::text::jsonb)`
}

await serve(whole("PORT"), {
  "/api/orders": async (text, headers) => {
    const order = orderOf(text, headers)
    const end = await runOrder(order)
    await write(order, end)
    const { reason } = end
    const status = reason === null ? "completed" : "failed"
    return { status: 200, text: JSON.stringify({ status, reason }) }
  },
})
ready()
