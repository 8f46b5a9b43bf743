/** The layout of a sequence diagram: pure geometry, in pixels. */
import type { StepName } from "#shared/contracts/order-state.ts"
import { heldAfter, type Lane, lanes, type Message, rowOf } from "./sequence.ts"

export interface Row {
  readonly message: Message
  /** The lifelines that the arrow connects. */
  readonly x1: number
  readonly x2: number
  /** The heights of the request's and the answer's arrow; `y2` is 0 where there is no answer. */
  readonly y1: number
  readonly y2: number
}

/** The time in which a participant holds something for the order. */
export interface Bar {
  readonly step: StepName
  readonly x: number
  readonly y1: number
  readonly y2: number
  /** Whether the participant still holds it. */
  readonly open: boolean
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Too narrow to fit the names side by side: every second name is drawn lower. */
  readonly narrow: boolean
  readonly heads: ReadonlyArray<{ readonly lane: Lane; readonly x: number; readonly y: number }>
  readonly top: number
  readonly bottom: number
  readonly rows: ReadonlyArray<Row>
  readonly bars: ReadonlyArray<Bar>
}

const requestHeight = 24
const answerHeight = 21
const afterRow = 6
/** Below the lifelines: what each participant holds. */
const footHeight = 44
const leastRows = 5.5

/**
 * Lays out the messages. The diagram has a minimum height, so that it does not jump as messages
 * arrive.
 */
export const layOut = (messages: ReadonlyArray<Message>, width: number): Layout => {
  const narrow = width < 640
  const side = narrow ? 30 : 62
  const gap = (width - 2 * side) / (lanes.length - 1)
  const xOf = (lane: Lane) => Math.round(side + lanes.indexOf(lane) * gap)
  const top = narrow ? 50 : 36
  let y = top + 8
  const rows = messages.map((message): Row => {
    const y1 = y + requestHeight
    const answered = message.outcome !== null && message.kind !== "tell"
    const y2 = answered ? y1 + answerHeight : 0
    y = Math.max(y1, y2) + afterRow
    return { message, x1: xOf(message.from), x2: xOf(message.to), y1, y2 }
  })
  const least = top + 8 + leastRows * (requestHeight + answerHeight + afterRow)
  const bottom = Math.max(y + 10, least)
  return {
    width,
    height: bottom + footHeight,
    narrow,
    heads: lanes.map((lane, n) => ({ lane, x: xOf(lane), y: narrow && n % 2 === 1 ? 34 : 16 })),
    top,
    bottom,
    rows,
    bars: barsOf(rows, bottom, xOf),
  }
}

const barsOf = (
  rows: ReadonlyArray<Row>,
  bottom: number,
  xOf: (lane: Lane) => number,
): ReadonlyArray<Bar> => {
  const held = heldAfter(rows.map(({ message }) => message))
  return rows.filter(({ message: { kind, outcome } }) =>
    kind === "reserve" && outcome === "reserved"
  )
    .map(({ message, y2 }) => {
      const step = message.step!
      const undo = rows.find(({ message: { kind, outcome, step: undone } }) =>
        kind === "cancel" && outcome === "cancelled" && undone === step
      )
      const open = held.has(step)
      return { step, x: xOf(rowOf(step).at), y1: y2, y2: open || !undo ? bottom : undo.y2, open }
    })
}
