/** All orders, newest first, by what is asked of them; the address holds the question. */
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
/** How often a list is read anew at most, while orders come and go. */
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
            {counts.perSecond.placed.toFixed(1)} placed each second
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

/** The first page is read anew when there are other orders than before; further ones hold still. */
const useChanges = (isFirst: boolean) => {
  const counts = overview.value?.orders ?? null
  const { pending, compensating, stuck, completed, failed } = counts ?? {}
  const version = [pending, compensating, stuck, completed, failed].join()
  const changed = useSlowly(version, everyMs)
  return { counts, changed: isFirst ? changed : "" }
}

/** Not of this very second, or the path would be another at each look. */
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
      <Empty title="None among those that were looked at">
        A search looks at so many orders at a time. Go on to look at older ones.
      </Empty>
    )
  }
  return isFiltered
    ? (
      <Empty title="No order is like that">
        Take a filter away, or <a href="/console/orders">see all orders</a>.
      </Empty>
    )
    : (
      <Empty title="Nobody has ordered anything yet">
        Orders appear here the moment they are placed.{" "}
        <a href="/console">Place one in the shop</a>, or run <code>npm run demo</code>.
      </Empty>
    )
}
