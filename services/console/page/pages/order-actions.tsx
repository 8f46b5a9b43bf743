/** The actions on an order, and why those that are not possible are not. */
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { CancelResponse, WholeOrder } from "#shared/contracts/order-search.ts"
import type { RetryResponse } from "#shared/contracts/saga.ts"
import { call } from "../core/api.ts"
import { Problem } from "../core/problem.ts"
import { statusWords } from "../../words.ts"
import { Action } from "../parts/action.tsx"
import { redrive } from "./letter-actions.ts"

export const OrderActions = (
  { one: { saga, letter }, order }: { readonly one: OneOrder; readonly order: WholeOrder },
) => {
  const { id, status } = order
  if (status === "completed" || status === "failed") {
    return (
      <p class="faint">
        The order is final: no action is possible or needed.
      </p>
    )
  }
  const waits = saga?.nextAttemptAt != null
  return (
    <div class="buttons start">
      <Action label="Retry now" disabled={!waits} act={(reason) => retryOne(id, reason)}>
        <p>Starts the next attempt now instead of at its time.</p>
      </Action>
      <Action
        label="Cancel the order"
        danger
        disabled={status !== "pending"}
        act={(reason) => cancel(id, reason)}
      >
        <p>If the order is not decided yet, it fails, and everything it holds is given back.</p>
      </Action>
      {letter && (
        <Action
          label="Redrive"
          disabled={letter.unreadable !== null}
          act={(reason) => redrive([letter.id], reason)}
        >
          <p>Puts the order of this dead letter back on the queue.</p>
        </Action>
      )}
      <p class="faint">{hint(status, waits, letter?.unreadable != null)}</p>
    </div>
  )
}

const hint = (status: WholeOrder["status"], waits: boolean, unreadable: boolean): string => {
  const hints = [
    ...(waits ? [] : ["The order is not waiting for a retry."]),
    ...(status === "compensating" ? ["It cannot be cancelled: it is already being undone."] : []),
    ...(unreadable ? ["Its dead letter cannot be read, so it can only be discarded."] : []),
  ]
  return hints.join(" ")
}

const retryOne = async (orderId: string, reason: string): Promise<string> => {
  const { woken, trying } = await call<RetryResponse>("/api/console/retry", {
    body: { orderId, reason },
  })
  if (woken > 0) return "The order is retried now."
  return trying > 0
    ? "An attempt is already in progress."
    : "The order no longer waits for a retry."
}

const cancel = async (id: string, reason: string): Promise<string> => {
  try {
    const { outcome } = await call<CancelResponse>(`/api/console/orders/${id}/cancel`, {
      body: { reason },
    })
    return outcome === "cancelled"
      ? "The order is cancelled and is being undone."
      : "The order was already cancelled."
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error
    const state = error.state as WholeOrder["status"] | undefined
    const stands = state === undefined ? "decided" : statusWords[state].toLowerCase()
    throw new Problem(409, {
      code: error.code,
      detail: `Too late: the order is already ${stands}.`,
    })
  }
}
