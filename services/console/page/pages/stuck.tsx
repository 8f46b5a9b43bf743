/** What waits for another try: in groups of the same step and cause, that with the oldest order first. */
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
  // Every second: what is stuck waits longer, and is tried again, though there are no more.
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
          Here stand orders whose saga failed a try and waits for the next one, such as when a
          participant is away, grouped by what they wait for. They are tried again by themselves;
          from here they can be tried at once.
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
          <dt>Next try</dt>
          <dd>
            <MaybeTime at={nextAttemptAt} none="being tried now" />
          </dd>
        </div>
      </dl>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>The orders</summary>
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
      return `${woken} are tried now${trying > 0 ? `; ${trying} were being tried already` : ""}.`
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

/** How many it would be, counted now and not before. */
const DryRun = ({ group }: { readonly group: StuckGroup }) => {
  const [counted, setCounted] = useState<string>()
  const count = async () => {
    const { waiting, trying } = await call<RetryResponse>("/api/console/retry", {
      body: { ...filterOf(group), dryRun: true, reason: "A dry run: only counted" },
    })
    setCounted(`${waiting} wait for their next try, ${trying} are being tried.`)
  }
  return (
    <p>
      The wait of {group.count === 1 ? "this order" : "these orders"} is cut short.{" "}
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
              <th scope="col">Next try</th>
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
                  <MaybeTime at={saga.nextAttemptAt} none="being tried now" />
                </td>
                <td>{saga.holds.join(", ") || "nothing"}</td>
                <td>{saga.orchestrator}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.next !== null && <p class="faint">And more: these are the 50 oldest.</p>}
    </>
  )
}
