/**
 * The saga of a batch of orders: each hop is one call for all orders that it concerns, and a
 * timeline that orders share is written once.
 */
import type { Post } from "./http-client.ts"
import { commandOf, entriesOf, type Step, steps } from "./steps.ts"
import type { Command, Decision, OrderMessage, Outcome, TimelineEntry } from "./wire.ts"

export type Orders = ReadonlyArray<OrderMessage>

export interface Services {
  readonly participants: Post
  readonly orders: Post
  /** Whether decisions have the orders' timelines, as in the product. */
  readonly timeline: boolean
}

/** The orders that were rejected at a step, and what happened to them. */
interface Refused {
  readonly orders: Orders
  readonly step: Step
  /** The steps before, last first. */
  readonly held: ReadonlyArray<Step>
  readonly timeline: ReadonlyArray<TimelineEntry>
}

/** Runs all orders to their ends. */
export const runBatch = async (services: Services, orders: Orders): Promise<void> => {
  const { kept, timeline, refused } = await reserveAll(services, orders)
  await decide(services, [
    { orders: kept, decision: { decision: "complete", timeline } },
    ...refused.map(({ orders, step, timeline }) => ({
      orders,
      decision: { decision: "abort", reason: step.refusal, timeline } as const,
    })),
  ])
  if (refused.length === 0) return
  const undone = await cancelAll(services, refused)
  await decide(
    services,
    refused.map(({ orders, held }) => {
      const timeline = held.flatMap((step) => undone.get(step) ?? [])
      return { orders, decision: { decision: "settle", timeline } }
    }),
  )
}

const reserveAll = async (services: Services, orders: Orders) => {
  let kept = orders
  const timeline: Array<TimelineEntry> = []
  const refused: Array<Refused> = []
  for (const [n, step] of steps.entries()) {
    if (kept.length === 0) break
    const { outcomes, entry } = await call(services, step, "reserve", kept)
    const isKept = (_: OrderMessage, m: number) => outcomes[m]?.outcome === "reserved"
    const lost = kept.filter((order, m) => !isKept(order, m))
    if (lost.length > 0) {
      const held = steps.slice(0, n).reverse()
      refused.push({ orders: lost, step, held, timeline: [...timeline, entry("rejected")] })
      kept = kept.filter(isKept)
    }
    timeline.push(entry("reserved"))
  }
  return { kept, timeline, refused }
}

/** Cancels the last step first. Returns the timeline entry of each cancelled step. */
const cancelAll = async (services: Services, refused: ReadonlyArray<Refused>) => {
  const undone = new Map<Step, TimelineEntry>()
  for (const step of steps.toReversed()) {
    const orders = refused.filter(({ held }) => held.includes(step)).flatMap(({ orders }) => orders)
    if (orders.length === 0) continue
    const { entry } = await call(services, step, "cancel", orders)
    undone.set(step, entry("cancelled"))
  }
  return undone
}

const call = async (
  { participants }: Services,
  step: Step,
  action: Command["action"],
  orders: Orders,
) => {
  const startedAtMs = Date.now()
  const commands = orders.map((order) => commandOf(step, action, order))
  const answer = await participants(step.path, JSON.stringify({ commands }))
  const { outcomes } = JSON.parse(answer) as { readonly outcomes: ReadonlyArray<Outcome> }
  return { outcomes, entry: entriesOf(step, action, startedAtMs) }
}

/** The same decision on many orders. */
interface SameDecision {
  readonly orders: Orders
  readonly decision: Omit<Decision, "orderId">
}

/** Every order here is in the state that its decision requires, so the answer tells nothing new. */
const decide = ({ orders, timeline }: Services, same: ReadonlyArray<SameDecision>) => {
  const decisions = same.flatMap(({ orders, decision }, n) => {
    const common = JSON.stringify({ ...decision, timeline: n }).slice(1)
    return orders.map(({ orderId }) => `{"orderId":"${orderId}",${common}`)
  })
  const timelines = same.map(({ decision }) => timeline ? decision.timeline : [])
  const body = `{"decisions":[${decisions.join(",")}],"timelines":${JSON.stringify(timelines)}}`
  return orders("/internal/decisions", body)
}
