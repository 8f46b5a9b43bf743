/** The diagram of an order's saga, with the result in words. */
import { useState } from "preact/hooks"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { durationWords, money } from "../../words.ts"
import { why } from "../../why.ts"
import { session } from "../core/session.ts"
import type { Problem } from "../core/problem.ts"
import { endOf, Id } from "../parts/copied.tsx"
import { Diagram } from "../parts/diagram.tsx"
import { Trouble } from "../parts/notices.tsx"
import { OrderBadge } from "../parts/status.tsx"

interface StageOptions {
  readonly order: OrderDetails | null
  /** The wallet before and after the order; null while unknown. */
  readonly wallet: { readonly before: number; readonly after: number } | null
  readonly problem?: Problem | null
}

export const Stage = ({ order, wallet, problem = null }: StageOptions) => {
  const [isDrawn, setDrawn] = useState(false)
  const isFinal = order?.status === "completed" || order?.status === "failed"
  return (
    <section class="panel stage" aria-label="The saga of your order">
      <div class="stage-head">
        <h2>
          {order === null
            ? "The saga"
            : `${money(order.amount)} for item ${order.item} at ${order.slot}`}
        </h2>
        {order && <Id id={order.id} what="order's id" shown={endOf(order.id)} />}
        {order && session.value?.operator && (
          <a href={`/console/orders/${order.id}`}>Open the operator's view</a>
        )}
      </div>
      <Diagram
        order={order}
        slowly
        seen={(shown, count) => setDrawn(shown > 0 && shown === count)}
      />
      <Trouble problem={problem} />
      <div class="verdict" role="status" aria-live="polite">
        {order && isFinal && isDrawn && <Verdict order={order} wallet={wallet} />}
        {order && !isFinal && isDrawn && (
          <p>
            <OrderBadge status={order.status} stuck={order.stuck !== null} />{" "}
            The order is stored, and will be decided whatever fails meanwhile.
          </p>
        )}
      </div>
    </section>
  )
}

const Verdict = (
  { order, wallet }: {
    readonly order: OrderDetails
    readonly wallet: StageOptions["wallet"]
  },
) => {
  const tookMs = Date.parse(order.decidedAt ?? order.createdAt) - Date.parse(order.createdAt)
  return (
    <p>
      <OrderBadge status={order.status} stuck={false} />
      {" " + capital(why({ order }))}
      {wallet && (
        <>
          {" "}The wallet held {money(wallet.before)} and holds <b>{money(wallet.after)}</b>.
        </>
      )}
      <span class="faint">
        {` Drawn slowly: the decision took ${durationWords(Math.max(1, tookMs))}.`}
      </span>
    </p>
  )
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)
