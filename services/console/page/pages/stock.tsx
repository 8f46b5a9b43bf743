/** What is left of items, slots and accounts, and how operators adjust it. */
import { useState } from "preact/hooks"
import { orderSaga, type ParticipantName } from "#shared/contracts/order-saga.ts"
import type { AdjustmentPage, Stock, StockPage as StockList } from "#shared/contracts/stock.ts"
import { money } from "../../words.ts"
import { call, newKey, withQuery } from "../core/api.ts"
import { go, here } from "../core/location.ts"
import { overview, useGet, useSlowly } from "../core/live.ts"
import { Action } from "../parts/action.tsx"
import { Empty, Loading, Trouble } from "../parts/notices.tsx"
import { Pager, usePaging } from "../parts/pages-of.tsx"
import { Time } from "../parts/time.tsx"

const perPage = 50
const everyMs = 2000

/** Scarce resources come first, since operators restock them. */
const participants = [
  ...orderSaga.filter(({ scarce }) => scarce),
  ...orderSaga.filter(({ scarce }) => !scarce),
].map(({ at }) => at)

/** The resources of billing are accounts; those of the others have the participant's name. */
const titleOf = (participant: ParticipantName): string =>
  participant === "billing" ? "Accounts" : participant[0]!.toUpperCase() + participant.slice(1)

/** Billing counts in minor units, the others in pieces. */
const amountOf = (participant: ParticipantName, amount: number): string =>
  participant === "billing" ? money(amount / 100) : String(amount)

export const StockPage = () => {
  const { searchParams } = here.value
  const asked = searchParams.get("of")
  const participant = participants.find((name) => name === asked) ?? "items"
  const prefix = searchParams.get("begins") ?? ""
  const show = (of: string, begins: string) =>
    go(withQuery("/console/stock", { of, begins }), { replace: true })
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Stock</h1>
        <p class="faint">What is left, and what orders have taken</p>
      </div>
      <nav class="tabs" aria-label="Participants">
        {participants.map((name) => (
          <a
            key={name}
            href={withQuery("/console/stock", { of: name })}
            {...(name === participant && { "aria-current": "true" as const })}
          >
            {titleOf(name)}
          </a>
        ))}
      </nav>
      <form
        class="filters"
        role="search"
        aria-label={titleOf(participant)}
        onSubmit={(event) => {
          event.preventDefault()
          show(participant, String(new FormData(event.currentTarget).get("begins")).trim())
        }}
      >
        <label>
          Name starts with
          <input key={participant} name="begins" defaultValue={prefix} size={14} maxLength={150} />
        </label>
        <button type="submit" class="quiet">Search</button>
      </form>
      <Resources key={participant + prefix} participant={participant} prefix={prefix} />
    </>
  )
}

interface ResourcesOptions {
  readonly participant: ParticipantName
  readonly prefix: string
}

const Resources = ({ participant, prefix }: ResourcesOptions) => {
  const paging = usePaging("")
  const { completed, pending, failed } = overview.value?.orders ?? {}
  const changed = useSlowly([completed, pending, failed].join(), everyMs)
  const base = `/api/console/stock/${participant}`
  const stock = useGet<StockList>(
    withQuery(base, { prefix, after: paging.after, limit: perPage }),
    changed,
  )
  const ledger = useGet<AdjustmentPage>(withQuery(`${base}/adjustments`, { limit: 20 }))
  const done = () => {
    stock.reload()
    ledger.reload()
  }
  return (
    <div class="beside">
      <div>
        <Trouble problem={stock.problem} />
        {!stock.data && !stock.problem && <Loading />}
        {stock.data?.stock.length === 0 && (
          <Empty title={prefix === "" ? "Nothing here yet" : "No matching names"}>
            {participant === "billing"
              ? "An account is opened when a user signs up."
              : `${titleOf(participant)} are created when the service starts for the first time.`}
          </Empty>
        )}
        {stock.data && stock.data.stock.length > 0 && (
          <StockTable participant={participant} rows={stock.data.stock} done={done} />
        )}
        {stock.data && <Pager paging={paging} next={stock.data.next} order="by name" />}
      </div>
      <section class="panel" aria-label="Adjustments">
        <h2>Adjustments</h2>
        <Trouble problem={ledger.problem} />
        {ledger.data && <Ledger participant={participant} page={ledger.data} />}
      </section>
    </div>
  )
}

interface TableOptions {
  readonly participant: ParticipantName
  readonly rows: ReadonlyArray<Stock>
  readonly done: () => void
}

const StockTable = ({ participant, rows, done }: TableOptions) => (
  <div class="scroll" tabIndex={0} role="region" aria-label={titleOf(participant)}>
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" class="number">Left</th>
          <th scope="col" class="number">Taken</th>
          <th scope="col">Share left</th>
          <th scope="col">
            <span class="hidden">Adjust</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.resource}>
            <td class="wrap">
              {row.resource}
              {row.title && <small>{row.title}</small>}
            </td>
            <td class="number">
              {amountOf(participant, row.left)}
              {row.left <= 0 && <small>{participant === "billing" ? "empty" : "sold out"}</small>}
            </td>
            <td class="number">{amountOf(participant, row.taken)}</td>
            <td>
              <meter
                min={0}
                max={Math.max(1, row.left + row.taken)}
                value={Math.max(0, row.left)}
                aria-label={`Left of ${row.resource}`}
              />
            </td>
            <td>
              <Adjust participant={participant} row={row} done={done} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

const Adjust = (
  { participant, row, done }: {
    readonly participant: ParticipantName
    readonly row: Stock
    readonly done: () => void
  },
) => {
  const isMoney = participant === "billing"
  // The same key until the adjustment succeeds, so that a retry after a lost answer does not repeat
  // it.
  const [key, setKey] = useState(newKey)
  return (
    <Action
      label="Adjust"
      about={row.title === null ? row.resource : `${row.resource}, ${row.title}`}
      done={() => {
        setKey(newKey())
        done()
      }}
      act={async (reason, form) => {
        const given = Number(form.get("change"))
        const change = isMoney ? Math.round(given * 100) : given
        const { left } = await call<AdjustmentPage["adjustments"][number]>(
          `/api/console/stock/${participant}/adjustments`,
          { body: { resource: row.resource, change, reason }, headers: { "idempotency-key": key } },
        )
        return `Adjusted: ${amountOf(participant, left)} left of ${row.resource}.`
      }}
    >
      <p>{amountOf(participant, row.left)} left now. Orders can still change this meanwhile.</p>
      <label>
        Change
        <input
          name="change"
          type="number"
          required
          step={isMoney ? "0.01" : "1"}
          placeholder="+100 or -5"
        />
        <small>How much to add, or with a minus sign, to take away.</small>
      </label>
    </Action>
  )
}

const Ledger = (
  { participant, page }: { readonly participant: ParticipantName; readonly page: AdjustmentPage },
) =>
  page.adjustments.length === 0 ? <p class="faint">No adjustments yet.</p> : (
    <ol class="ledger">
      {page.adjustments.map((
        { number, resource, change, left, operator, reason, adjustedAt },
      ) => (
        <li key={number}>
          <b>{resource}</b> {change > 0 ? "+" : "−"}
          {amountOf(participant, Math.abs(change))}, {amountOf(participant, left)} left
          <p>“{reason}”</p>
          <p class="faint">
            {operator}, <Time at={adjustedAt} />
          </p>
        </li>
      ))}
    </ol>
  )
