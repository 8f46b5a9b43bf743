/** The state of the system: services, orders, queue, and the audit. */
import { useEffect, useState } from "preact/hooks"
import type { Overview } from "#shared/contracts/console.ts"
import { durationWords } from "../../words.ts"
import { overview } from "../core/live.ts"
import { Chart, type Line, shownSeconds } from "../parts/chart.tsx"
import { Loading, Missing } from "../parts/notices.tsx"
import { Badge, type Tone } from "../parts/status.tsx"
import { Audit } from "./audit.tsx"

export const Health = () => {
  const { value: seen } = overview
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Health</h1>
        {seen && <p class="faint">Updated every second</p>}
      </div>
      {seen === null ? <Loading /> : (
        <>
          <Missing away={seen.unavailable} />
          <Services services={seen.services} />
          <Numbers seen={seen} />
          <Charts seen={seen} />
          <Reasons orders={seen.orders} />
          <Audit verdict={seen.audit} />
        </>
      )}
    </>
  )
}

const tones: Readonly<Record<Overview["services"][number]["state"], Tone>> = {
  "ready": "good",
  "not ready": "open",
  "unreachable": "bad",
}

const Services = ({ services }: Pick<Overview, "services">) => (
  <section aria-label="Services">
    <ul class="services">
      {services.map(({ service, state, message }) => (
        <li key={service} class="panel">
          <b>{service}</b>
          <Badge tone={tones[state]}>{state}</Badge>
          {message && <p>{message}</p>}
        </li>
      ))}
    </ul>
  </section>
)

const Numbers = ({ seen: { queue, orders, stuck, batches } }: { readonly seen: Overview }) => (
  <dl class="numbers">
    <Figure title="Pending" value={orders?.pending} />
    <Figure title="Undoing" value={orders?.compensating} />
    <Figure title="Undoing is stuck" value={orders?.stuck} />
    <Figure title="Waiting for a retry" value={stuck?.orders} />
    <Figure
      title="Oldest pending"
      value={orders &&
        (orders.oldestPendingMs === null ? "none" : durationWords(orders.oldestPendingMs))}
    />
    <Figure title="In the queue" value={queue?.length} />
    <Figure title="Not taken yet" value={queue?.lag} />
    <Figure title="Lag" value={queue && durationWords(queue.lagMs)} />
    <Figure title="Oldest message" value={queue && durationWords(queue.ageMs)} />
    <Figure title="Consumers" value={queue?.consumers.length} />
    <Figure title="Dead letters" value={queue?.deadLetters} />
    <Figure
      title="Orders per wave"
      value={batches &&
        (batches.waves === 0 ? "none yet" : (batches.orders / batches.waves).toFixed(1))}
    />
  </dl>
)

const Figure = (
  { title, value }: { readonly title: string; readonly value: number | string | null | undefined },
) => (
  <div>
    <dt>{title}</dt>
    <dd>{value ?? <span class="faint">unknown</span>}</dd>
  </div>
)

const orderLines: ReadonlyArray<Line> = [
  { title: "placed", colour: "--accent" },
  { title: "completed", colour: "--good", dash: [6, 3] },
  { title: "failed", colour: "--bad", dash: [2, 3] },
]
const queueLines: ReadonlyArray<Line> = [
  { title: "in the queue", colour: "--accent" },
  { title: "not taken yet", colour: "--undo", dash: [6, 3] },
]

const Charts = ({ seen }: { readonly seen: Overview }) => {
  const [kept, setKept] = useState<ReadonlyArray<Overview>>([seen])
  useEffect(() => {
    setKept((kept) => kept.at(-1)?.at === seen.at ? kept : [...kept, seen].slice(-shownSeconds))
  }, [seen])
  const times = kept.map(({ at }) => Date.parse(at) / 1000)
  const of = (value: (seen: Overview) => number | null | undefined) =>
    kept.map((seen) => value(seen) ?? null)
  return (
    <div class="charts">
      <Chart
        title="Orders per second"
        times={times}
        lines={orderLines}
        values={[
          of(({ orders }) => orders?.perSecond.placed),
          of(({ orders }) => orders?.perSecond.completed),
          of(({ orders }) => orders?.perSecond.failed),
        ]}
      />
      <Chart
        title="Queue"
        times={times}
        lines={queueLines}
        values={[of(({ queue }) => queue?.length), of(({ queue }) => queue?.lag)]}
      />
    </div>
  )
}

const Reasons = ({ orders }: Pick<Overview, "orders">) =>
  orders && (
    <section class="panel" aria-label="The last 24 hours">
      <h2>The last 24 hours</h2>
      <p>
        {orders.completed} completed, {orders.failed} failed
        {orders.reasons.length > 0 && ": "}
        {orders.reasons.map(({ reason, count }, n) => (
          <>
            {n > 0 && ", "}
            <a key={reason} href={`/console/orders?${new URLSearchParams({ reason, age: "24h" })}`}>
              {count} × {reason}
            </a>
          </>
        ))}
        .
      </p>
    </section>
  )
