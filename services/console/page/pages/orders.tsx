/** The search for orders, newest first. The address holds the filters. */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { FoundOrder, OrderSearchPage } from "#shared/contracts/order-search.ts"
import { money } from "../../words.ts"
import { withQuery } from "../core/api.ts"
import { go, here } from "../core/location.ts"
import { overview, useGet, useSlowly } from "../core/live.ts"
import { Id } from "../parts/copied.tsx"
import { Empty, Loading, Trouble } from "../parts/notices.tsx"
import { OrderLink } from "../parts/order-link.tsx"
import { Pager, usePaging } from "../parts/pages-of.tsx"
import { OrderBadge } from "../parts/status.tsx"
import { MaybeTime, Time } from "../parts/time.tsx"
import { ageNames, Filters, type Question, questionOf } from "./order-filters.tsx"

const perPage = 50
/** The shortest interval between two reads of the list while orders change. */
const everyMs = 2000

export const Orders = () => {
  const question = questionOf(here.value.searchParams)
  const asked = JSON.stringify(question)
  const paging = usePaging(asked)
  const { counts, changed } = useChanges(paging.number === 1)
  const path = withQuery("/api/console/orders", {
    ...question,
    age: null,
    placedAfter: placedAfter(question),
    after: paging.after,
    limit: perPage,
  })
  const found = useGet<OrderSearchPage>(path, changed)
  const ask = (question: Question) => go(withQuery("/console/orders", question), { replace: true })
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Orders</h1>
        {counts && (
          <p class="faint">
            {counts.pending} pending, {counts.compensating} undoing,{" "}
            {counts.perSecond.placed.toFixed(1)} placed per second
          </p>
        )}
      </div>
      <Filters key={asked} question={question} ask={ask} />
      <Trouble problem={found.problem} />
      {found.data === undefined && !found.problem && <Loading />}
      {found.data && (found.data.orders.length > 0
        ? <OrdersTable orders={found.data.orders} />
        : <NoOrders isFiltered={asked !== "{}"} mayBeMore={found.data.next !== null} />)}
      {found.data && <Pager paging={paging} next={found.data.next} order="newest first" />}
    </>
  )
}

/**
 * The first page is read again when orders change. Further pages are not, so that they do not
 * shift.
 */
const useChanges = (isFirst: boolean) => {
  const counts = overview.value?.orders ?? null
  const { pending, compensating, stuck, completed, failed } = counts ?? {}
  const version = [pending, compensating, stuck, completed, failed].join()
  const changed = useSlowly(version, everyMs)
  return { counts, changed: isFirst ? changed : "" }
}

/** Rounded to the minute, so that the path does not change at every render. */
const placedAfter = ({ age }: Question): string | null => {
  const ms = age === undefined ? undefined : ageNames[age]?.ms
  if (ms === undefined) return null
  return new Date(Math.floor((Date.now() - ms) / 60_000) * 60_000).toISOString()
}

const OrdersTable = ({ orders }: { readonly orders: ReadonlyArray<FoundOrder> }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="Orders">
    <table>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Order</th>
          <th scope="col">Customer</th>
          <th scope="col" class="number">Amount</th>
          <th scope="col">Item</th>
          <th scope="col">Slot</th>
          <th scope="col">Placed</th>
          <th scope="col">Decided</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>{orders.map((order) => <OrderRow key={order.id} order={order} />)}</tbody>
    </table>
  </div>
)

const OrderRow = ({ order }: { readonly order: FoundOrder }) => {
  const { id, status, stuck, username, amount, item, slot, createdAt, decidedAt, reason } = order
  return (
    <tr>
      <td>
        <OrderBadge status={status} stuck={stuck !== null} />
      </td>
      <td>
        <span class="id-cell">
          <OrderLink id={id} />
          <Id id={id} what="order's id" shown="" />
        </span>
      </td>
      <td class="wrap">{username}</td>
      <td class="number">{money(amount)}</td>
      <td>{item}</td>
      <td>{slot}</td>
      <td>
        <Time at={createdAt} />
      </td>
      <td>
        <MaybeTime at={decidedAt} none="not yet" />
      </td>
      <td class="wrap">
        {stuck
          ? `${orderSaga.find(({ step }) => step === stuck.step)?.at}: ${stuck.cause}`
          : reason ?? <span class="faint">–</span>}
      </td>
    </tr>
  )
}

const NoOrders = (
  { isFiltered, mayBeMore }: { readonly isFiltered: boolean; readonly mayBeMore: boolean },
) => {
  if (mayBeMore) {
    return (
      <Empty title="No matches so far">
        A search reads a limited number of orders at a time. Choose Next to search older orders.
      </Empty>
    )
  }
  return isFiltered
    ? (
      <Empty title="No matching orders">
        Remove a filter, or <a href="/console/orders">show all orders</a>.
      </Empty>
    )
    : (
      <Empty title="No orders yet">
        Orders appear here as soon as they are placed.{" "}
        <a href="/console">Place one in the shop</a>, or run <code>npm run demo</code>.
      </Empty>
    )
}
