/**
 * Draws the sequence diagram of one order from its timeline: the orchestrator's requests to the
 * participants, and their answers.
 */
import { lanes as allLanes, type Message, sequenceOf } from "#services/console/sequence.ts"
import { wantOf } from "#services/console/words.ts"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { type Paint, plain, type Tone } from "./terminal.ts"

/** The services between which a saga's calls go. */
const names = allLanes.slice(allLanes.indexOf("orchestrator"))
const laneOf = ({ to }: Message) => names.indexOf(to)

const callsOf = (order: OrderDetails) =>
  sequenceOf(order).filter(({ kind }) => kind === "reserve" || kind === "cancel")

/** The drawing, with one line for each request and each answer, and no line break at its end. */
export const drawDiagram = (order: OrderDetails, paint: Paint = plain): string => {
  const calls = callsOf(order)
  const labels = calls.map((call) => requestOf(order, call))
  // Every label fits before the first lifeline that its arrow crosses.
  const firstGap = Math.max(31, ...labels.map(({ length }) => length + 6))
  const lanes = names.map((_, n) => 7 + (n === 0 ? 0 : firstGap + 18 * (n - 1)))
  return [
    heading(lanes),
    lifelines(lanes),
    ...calls.flatMap((call, n) => [
      drawRequest(lanes, call, labels[n] ?? "", paint),
      drawAnswer(lanes, call, paint),
    ]),
    lifelines(lanes),
  ].join("\n")
}

const requestOf = (order: OrderDetails, { kind, step }: Message): string => {
  if (kind === "cancel") return `revert ${step}`
  return `try to reserve ${step === "money" || step === null ? order.amount : wantOf(step, order)}`
}

const answerOf = ({ kind, outcome, attempts }: Message): readonly [string, Tone] => {
  const [word, tone] = answers[`${kind} ${outcome}`] ?? [String(outcome), "bad"]
  return [attempts > 1 ? `${word} after ${attempts} attempts` : word, tone]
}

const answers: Readonly<Record<string, readonly [string, Tone]>> = {
  "reserve reserved": ["ok", "good"],
  "reserve rejected": ["fail", "bad"],
  "reserve cancelled": ["already reverted", "bad"],
  "cancel cancelled": ["ok", "good"],
}

type Lanes = ReadonlyArray<number>

const drawRequest = (lanes: Lanes, call: Message, label: string, paint: Paint) => {
  const end = lanes[laneOf(call)] ?? 0
  const arrow = (at: number) => at === end - 1 ? "►" : crossing(lanes, at, "─")
  const tone = call.kind === "cancel" ? "undo" : "strong"
  return drawMessage(lanes, end, arrow, label, (text) => paint(tone, text))
}

const drawAnswer = (lanes: Lanes, call: Message, paint: Paint) => {
  const end = lanes[laneOf(call)] ?? 0
  const start = (lanes[0] ?? 0) + 1
  const arrow = (at: number) => at === start ? "◄" : crossing(lanes, at, "-")
  const [word, tone] = answerOf(call)
  const row = drawMessage(lanes, end, arrow, word, (text) => paint(tone, text))
  return row + paint("faint", `${Math.round(call.durationMs ?? 0)} ms`.padStart(9))
}

const crossing = (lanes: Lanes, at: number, line: string) => lanes.includes(at) ? "┼" : line

/** One row: the lifelines, the arrow between the first and `end`, and the label at its start. */
const drawMessage = (
  lanes: Lanes,
  end: number,
  arrow: (at: number) => string,
  label: string,
  painted: (label: string) => string,
): string => {
  const start = (lanes[0] ?? 0) + 1
  const row = [...lifelines(lanes)].map((c, at) => at >= start && at < end ? arrow(at) : c).join("")
  const text = ` ${label} `
  return row.slice(0, start + 2) + painted(text) + row.slice(start + 2 + text.length)
}

const lifelines = (lanes: Lanes): string =>
  Array.from({ length: (lanes.at(-1) ?? 0) + 1 }, (_, at) => lanes.includes(at) ? "│" : " ").join(
    "",
  )

/** The names, each centred on its lifeline. */
const heading = (lanes: Lanes): string =>
  lanes.reduce(
    (line, lane, n) => line.padEnd(lane - ((names[n]?.length ?? 0) >> 1)) + names[n],
    "",
  )
