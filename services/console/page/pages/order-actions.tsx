/** What an operator can do about an order, and why not where not. */
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
        Nothing can be done about it, and nothing need be: a final order is final.
      </p>
    )
  }
  const waits = saga?.nextAttemptAt != null
  return (
    <div class="buttons start">
      <Action label="Retry now" disabled={!waits} act={(reason) => retryOne(id, reason)}>
        <p>Its wait for the next try is cut short; what it tries stays the same.</p>
      </Action>
      <Action
        label="Cancel the order"
        danger
        disabled={status !== "pending"}
        act={(reason) => cancel(id, reason)}
      >
        <p>Unless it is decided by then, it fails, and all that it holds is undone.</p>
      </Action>
      {letter && (
        <Action
          label="Redrive"
          disabled={letter.unreadable !== null}
          act={(reason) => redrive([letter.id], reason)}
        >
          <p>Its dead letter goes back on the queue.</p>
        </Action>
      )}
      <p class="faint">{hint(status, waits, letter?.unreadable != null)}</p>
    </div>
  )
}

const hint = (status: WholeOrder["status"], waits: boolean, unreadable: boolean): string => {
  const hints = [
    ...(waits ? [] : ["It waits for no try that could be cut short."]),
    ...(status === "compensating" ? ["It is too late to cancel it: it is being undone."] : []),
    ...(unreadable ? ["Its dead letter cannot be read, so it can only be discarded."] : []),
  ]
  return hints.join(" ")
}

const retryOne = async (orderId: string, reason: string): Promise<string> => {
  const { woken, trying } = await call<RetryResponse>("/api/console/retry", {
    body: { orderId, reason },
  })
  if (woken > 0) return "It is tried now."
  return trying > 0 ? "It was being tried already." : "It does not wait for a try any more."
}

const cancel = async (id: string, reason: string): Promise<string> => {
  try {
    const { outcome } = await call<CancelResponse>(`/api/console/orders/${id}/cancel`, {
      body: { reason },
    })
    return outcome === "cancelled"
      ? "It is cancelled, and is being undone."
      : "It was cancelled before."
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error
    const state = error.state as WholeOrder["status"] | undefined
    const stands = state === undefined ? "decided" : statusWords[state].toLowerCase()
    throw new Problem(409, { code: error.code, detail: `Too late: it is ${stands} by now.` })
  }
}
