/** One order, live: first the facts and actions for an operator, then everything that happened. */
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { WholeOrder } from "#shared/contracts/order-search.ts"
import { money, waitWords } from "../../words.ts"
import { why } from "../../why.ts"
import { here } from "../core/location.ts"
import { useStream } from "../core/live.ts"
import { Id } from "../parts/copied.tsx"
import { Diagram } from "../parts/diagram.tsx"
import { Empty, Loading, Missing, Trouble } from "../parts/notices.tsx"
import { Badge, OrderBadge } from "../parts/status.tsx"
import { MaybeTime, Time } from "../parts/time.tsx"
import { OrderActions } from "./order-actions.tsx"
import { Held, Steps } from "./order-records.tsx"

const idShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const OneOrderPage = () => {
  const id = (here.value.pathname.split("/")[3] ?? "").toLowerCase()
  const isId = idShape.test(id)
  const { data, problem } = useStream<OneOrder>(
    isId ? `/api/console/orders/${id}/events` : null,
    "order",
    ({ order }) => order !== null && isFinal(order),
  )
  return (
    <>
      <div class="title">
        <p class="crumb">
          <a href="/console/orders">Orders</a>
        </p>
        <h1 tabIndex={-1}>Order</h1>
        <Id id={id} what="order's id" />
      </div>
      {!isId || (problem?.status === 404 && !data)
        ? (
          <Empty title="There is no such order">
            An order's id has 36 characters; this one may be incomplete.{" "}
            <a href="/console/orders">Search by the beginning of the id</a>.
          </Empty>
        )
        : <Trouble problem={problem} />}
      {isId && !data && !problem && <Loading />}
      {data && <Missing away={data.unavailable} />}
      {data?.order && <Whole one={data} order={data.order} />}
    </>
  )
}

interface WholeOptions {
  readonly one: OneOrder
  readonly order: WholeOrder
}

const Whole = ({ one, order }: WholeOptions) => (
  <>
    <section class="panel facts" aria-label="Current state">
      <Facts one={one} order={order} />
      <OrderActions one={one} order={order} />
    </section>
    <div class="beside">
      <section class="panel" aria-label="What happened">
        <h2>What happened</h2>
        <Diagram order={order} saga={one.saga} />
      </section>
      <section class="panel" aria-label="The order">
        <h2>The order</h2>
        <Wanted order={order} />
        <h2>On record</h2>
        <Held one={one} order={order} />
      </section>
    </div>
    <section class="panel" aria-label="Steps">
      <h2>Steps</h2>
      <Steps order={order} saga={one.saga} />
    </section>
  </>
)

const isFinal = ({ status }: WholeOrder) => status === "completed" || status === "failed"

const Facts = ({ one: { saga, letter }, order }: WholeOptions) => {
  const { status, stuck, createdAt, decidedAt, republishAt } = order
  const isStuck = stuck !== null || (saga?.action === "cancel" && saga.cause !== null)
  const since = isFinal(order) ? decidedAt : saga?.since ?? createdAt
  const next = saga?.nextAttemptAt ?? (saga === null ? stuck?.nextAttemptAt ?? republishAt : null)
  return (
    <dl>
      <div>
        <dt>State</dt>
        <dd>
          <OrderBadge status={status} stuck={isStuck} />
          {letter && <Badge tone="bad">Dead letter</Badge>}
        </dd>
      </div>
      <div>
        <dt>Step</dt>
        <dd>{stepWords({ saga }, order)}</dd>
      </div>
      <div class="why">
        <dt>Why</dt>
        <dd>{sentence(why({ order, saga, letter }))}</dd>
      </div>
      <div>
        <dt>Since</dt>
        <dd>
          <MaybeTime at={since} none="unknown" />
        </dd>
      </div>
      <div>
        <dt>Next attempt</dt>
        <dd>
          {isFinal(order)
            ? <span class="faint">none: the order is final</span>
            : <MaybeTime at={next} none="in progress" />}
        </dd>
      </div>
    </dl>
  )
}

const sentence = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

const stepWords = ({ saga }: Pick<OneOrder, "saga">, order: WholeOrder): string => {
  if (isFinal(order)) return "all done"
  if (saga !== null) {
    const attempts = saga.attempts > 1 ? `, attempt ${saga.attempts}` : ""
    return sentence(waitWords(saga.action, saga.step)) + attempts
  }
  return order.stuck
    ? sentence(waitWords("cancel", order.stuck.step))
    : "Waiting for an orchestrator"
}

const Wanted = ({ order }: { readonly order: WholeOrder }) => (
  <dl class="pairs">
    <dt>Customer</dt>
    <dd>
      <a href={`/console/orders?username=${encodeURIComponent(order.username)}`}>
        {order.username}
      </a>
    </dd>
    <dt>Amount</dt>
    <dd>{money(order.amount)}</dd>
    <dt>Item</dt>
    <dd>{order.item}</dd>
    <dt>Slot</dt>
    <dd>{order.slot}</dd>
    <dt>Placed</dt>
    <dd>
      <Time at={order.createdAt} />
    </dd>
    <dt>Decided</dt>
    <dd>
      <MaybeTime at={order.decidedAt} none="not yet" />
    </dd>
    <dt>Requeued</dt>
    <dd>{order.republished === 0 ? "never" : `${order.republished} times`}</dd>
    <dt>Trace</dt>
    <dd>
      {order.traceId === null
        ? <span class="faint">not traced</span>
        : <Id id={order.traceId} what="trace's id" />}
    </dd>
  </dl>
)
