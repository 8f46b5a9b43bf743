/** Follows a customer's order by its events. */
import { useEffect, useState } from "preact/hooks"
import type { OrderDetails, OrderView, TimelineEntry } from "#shared/contracts/order-state.ts"
import { isFinal } from "../../load.ts"
import { listen } from "../core/events.ts"
import type { Problem } from "../core/problem.ts"

/** The order after an event. */
export const afterEvent = (order: OrderDetails, name: string, data: unknown): OrderDetails => {
  if (name === "status") return { ...order, ...data as OrderView }
  if (name !== "step") return order
  return { ...order, timeline: [...order.timeline, data as TimelineEntry] }
}

/** Follows an order from the moment it was placed. */
export const useOrderEvents = (
  placed: OrderView | null,
): { readonly order: OrderDetails | null; readonly problem: Problem | null } => {
  const [order, setOrder] = useState<OrderDetails | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  useEffect(() => {
    setOrder(placed && { ...placed, timeline: [], stuck: null })
    setProblem(null)
    if (placed === null) return
    return listen(`/api/orders/${placed.id}/events`, {
      event: (name, data) => {
        setOrder((order) => order && afterEvent(order, name, data))
        return name === "status" && isFinal(data as OrderView)
      },
      state: setProblem,
    })
  }, [placed])
  // Until the effect has run, the state holds the previous order.
  return { order: order?.id === placed?.id ? order : null, problem }
}
