/**
 * What waits for its next attempt, in groups of the same step and cause; the group with the oldest
 * order is first.
 */
import { useState } from "preact/hooks"
import type { RetryResponse, SagaPage, StuckGroup, StuckGroups } from "#shared/contracts/saga.ts"
import { durationWords, waitWords } from "../../words.ts"
import { call, withQuery } from "../core/api.ts"
import { now, overview, useGet } from "../core/live.ts"
import { Action } from "../parts/action.tsx"
import { Empty, Loading, Trouble, Unheard } from "../parts/notices.tsx"
import { OrderLink } from "../parts/order-link.tsx"
import { MaybeTime, Time } from "../parts/time.tsx"

export const Stuck = () => {
  // Read every second, since times and attempts change even when the number of orders does not.
  const { data, problem, reload } = useGet<typeof StuckGroups.Type>(
    "/api/console/stuck",
    overview.value?.at,
  )
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Stuck</h1>
        {data && data.count > data.groups.length && (
          <p class="faint">The {data.groups.length} oldest of {data.count} groups</p>
        )}
      </div>
      <Trouble problem={problem} />
      {data && <Unheard names={data.unheard} />}
      {!data && !problem && <Loading />}
      {data?.groups.length === 0 && (
        <Empty title="Nothing is stuck">
          This page shows orders whose last attempt failed, for example because a service is
          unavailable, grouped by cause. They are retried automatically; here you can retry them
          now.
        </Empty>
      )}
      {data?.groups.map((group) => (
        <Group key={`${group.action} ${group.step} ${group.cause}`} group={group} reload={reload} />
      ))}
    </>
  )
}

const undoes = ({ action }: StuckGroup) => action === "cancel" || action === "settle"

const filterOf = ({ action, step, cause }: StuckGroup) => ({ action, ...(step && { step }), cause })

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

const Group = ({ group, reload }: { readonly group: StuckGroup; readonly reload: () => void }) => {
  const [isOpen, setOpen] = useState(false)
  const { count, cause, oldest, since, nextAttemptAt } = group
  const title = capital(waitWords(group.action, group.step))
  const forMs = now.value - Date.parse(since)
  return (
    <section class="panel group" aria-label={title}>
      <div class="group-head">
        <h2>
          {undoes(group) && (
            <span class="badge undo">
              <span aria-hidden="true">↶</span> undoing
            </span>
          )} {title}
        </h2>
        <RetryGroup group={group} title={title} reload={reload} />
      </div>
      <p class="cause">{cause}</p>
      <dl>
        <div>
          <dt>Orders</dt>
          <dd>{count}</dd>
        </div>
        <div>
          <dt>Oldest</dt>
          <dd>
            <OrderLink id={oldest} />
          </dd>
        </div>
        <div>
          <dt>Waiting for</dt>
          <dd>
            <time dateTime={since} title={since}>{durationWords(Math.max(0, forMs))}</time>
          </dd>
        </div>
        <div>
          <dt>Next attempt</dt>
          <dd>
            <MaybeTime at={nextAttemptAt} none="in progress" />
          </dd>
        </div>
      </dl>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Show the orders</summary>
        {isOpen && <Members group={group} />}
      </details>
    </section>
  )
}

const usual = 1000

const RetryGroup = (
  { group, title, reload }: {
    readonly group: StuckGroup
    readonly title: string
    readonly reload: () => void
  },
) => (
  <Action
    label="Retry now"
    about={title}
    done={reload}
    act={async (reason, form) => {
      const cap = Number(form.get("cap"))
      const { woken, trying } = await call<RetryResponse>("/api/console/retry", {
        body: { ...filterOf(group), cap, reason },
      })
      return `${woken} retried now${trying > 0 ? `; ${trying} already in progress` : ""}.`
    }}
  >
    <DryRun group={group} />
    <label>
      At most
      <input name="cap" type="number" min="1" max="10000" required defaultValue={String(usual)} />
      <small>The oldest first.</small>
    </label>
  </Action>
)

/** Counts the orders of the group when asked to. */
const DryRun = ({ group }: { readonly group: StuckGroup }) => {
  const [counted, setCounted] = useState<string>()
  const count = async () => {
    const { waiting, trying } = await call<RetryResponse>("/api/console/retry", {
      body: { ...filterOf(group), dryRun: true, reason: "A dry run: only counted" },
    })
    setCounted(`${waiting} waiting for the next attempt, ${trying} in progress.`)
  }
  return (
    <p>
      Retries {group.count === 1 ? "this order" : "these orders"} now.{" "}
      <button
        type="button"
        class="link"
        onClick={() => void count().catch((error) => setCounted(error.message))}
      >
        Count first
      </button>{" "}
      <span role="status">{counted}</span>
    </p>
  )
}

const Members = ({ group }: { readonly group: StuckGroup }) => {
  const path = withQuery("/api/console/sagas", { ...filterOf(group), limit: 50 })
  const { data, problem } = useGet<typeof SagaPage.Type>(path)
  if (problem) return <Trouble problem={problem} />
  if (!data) return <Loading />
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Orders of this group">
        <table>
          <thead>
            <tr>
              <th scope="col">Order</th>
              <th scope="col" class="number">Attempts</th>
              <th scope="col">Since</th>
              <th scope="col">Next attempt</th>
              <th scope="col">Holds</th>
              <th scope="col">Orchestrator</th>
            </tr>
          </thead>
          <tbody>
            {data.sagas.map((saga) => (
              <tr key={saga.orderId}>
                <td>
                  <OrderLink id={saga.orderId} />
                </td>
                <td class="number">{saga.attempts}</td>
                <td>
                  <Time at={saga.since} />
                </td>
                <td>
                  <MaybeTime at={saga.nextAttemptAt} none="in progress" />
                </td>
                <td>{saga.holds.join(", ") || "nothing"}</td>
                <td>{saga.orchestrator}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.next !== null && <p class="faint">These are the 50 oldest; there are more.</p>}
    </>
  )
}
