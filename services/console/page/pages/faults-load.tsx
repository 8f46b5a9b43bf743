/** The panel of the load that the page places: its rate, and how its orders end. */
import { useState } from "preact/hooks"
import { customersFor, type End, ends, meantEnds } from "../../load.ts"
import { durationWords } from "../../words.ts"
import { type Load, load, mostMinutes, mostPerSecond, startLoad, stopLoad } from "../core/load.ts"
import { asProblem, type Problem } from "../core/problem.ts"
import { Chart, type Line } from "../parts/chart.tsx"
import { Trouble } from "../parts/notices.tsx"
import { Badge, type Tone } from "../parts/status.tsx"

const usualRate = 10

export const LoadPanel = () => {
  const { value: now } = load
  const [problem, setProblem] = useState<Problem | null>(null)
  const isPlacing = now !== null && now.state !== "stopped"
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    if (isPlacing) return stopLoad()
    const rate = Number(new FormData(event.currentTarget as HTMLFormElement).get("rate"))
    setProblem(null)
    startLoad(rate).catch((error) => setProblem(asProblem(error)))
  }
  return (
    <section class="panel load" aria-labelledby="load">
      <div class="group-head">
        <h2 id="load">Place test orders</h2>
        {now && <LoadBadge load={now} />}
      </div>
      <p class="faint">
        Of ten orders, seven can be completed; one each is refused for its money, item and slot.
        They use up <a href="/console/stock">stock</a>{" "}
        like all orders: where it runs out, more are refused. Placing stops after {mostMinutes}{" "}
        minutes, or when this tab is closed.
      </p>
      <form class="filters" onSubmit={submit}>
        <label>
          Orders per second
          <input
            name="rate"
            type="number"
            required
            min={1}
            max={mostPerSecond}
            defaultValue={now?.rate ?? usualRate}
            disabled={isPlacing}
          />
        </label>
        <button type="submit" class={isPlacing ? "quiet" : ""}>
          {isPlacing ? "Stop placing" : "Place orders"}
        </button>
      </form>
      <Trouble problem={problem} />
      {now && <Shown load={now} />}
    </section>
  )
}

const LoadBadge = ({ load: { state, rate, sums } }: { readonly load: Load }) => {
  if (state === "signing up") {
    return <Badge tone="open">{`signing up ${customersFor(0, rate)}`}</Badge>
  }
  if (state === "placing") return <Badge tone="open">placing</Badge>
  return sums.inFlight > 0
    ? <Badge tone="open">stopped, some in flight</Badge>
    : <Badge tone="good">all orders final</Badge>
}

const Shown = ({ load: { sums, looks, heldBack } }: { readonly load: Load }) => (
  <>
    <dl class="numbers">
      <Figure title="Placed" value={sums.placed} />
      <Figure title="In flight" value={sums.inFlight} />
      <Figure title="Half decided within" value={latency(sums.p50Ms)} />
      <Figure title="99 % decided within" value={latency(sums.p99Ms)} />
      {ends.filter((end, n) => n < meantEnds.length || sums.ends[end] > 0).map((end) => (
        <Figure key={end} title={titleOf(end)} value={sums.ends[end]} tone={toneOf(end)} />
      ))}
    </dl>
    {heldBack && sums.inFlight > 0 && (
      <p class="faint" role="status">Orders are waiting to be accepted: {heldBack.message}</p>
    )}
    {looks.length > 1 && (
      <div class="charts">
        <Chart
          title="Orders per second"
          times={looks.map(({ atMs }) => atMs / 1000)}
          lines={rateLines}
          values={[
            looks.map(({ placedPerSecond }) => placedPerSecond),
            looks.map(({ endedPerSecond }) => endedPerSecond),
          ]}
        />
        <Chart
          title="Orders"
          times={looks.map(({ atMs }) => atMs / 1000)}
          lines={flightLines}
          values={[looks.map(({ inFlight }) => inFlight)]}
        />
      </div>
    )}
  </>
)

const latency = (ms: number) => ms === 0 ? "–" : durationWords(ms)

const titleOf = (end: End) => end[0]!.toUpperCase() + end.slice(1)

const toneOf = (end: End): Tone =>
  end === "completed" ? "good" : end === "failed otherwise" ? "undo" : "bad"

const rateLines: ReadonlyArray<Line> = [
  { title: "placed", colour: "--accent" },
  { title: "final", colour: "--good", dash: [6, 3] },
]
const flightLines: ReadonlyArray<Line> = [{ title: "in flight", colour: "--undo" }]

const Figure = ({ title, value, tone }: {
  readonly title: string
  readonly value: number | string
  readonly tone?: Tone
}) => (
  <div {...(tone && { class: `end ${tone}` })}>
    <dt>{title}</dt>
    <dd>{value}</dd>
  </div>
)
