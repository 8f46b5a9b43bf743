/** Where the parts of a sequence diagram go: pure geometry, in pixels, of messages on a page of some width. */
import type { StepName } from "#shared/contracts/order.ts"
import { heldAfter, type Lane, lanes, type Message, rowOf } from "./sequence.ts"

export interface Row {
  readonly message: Message
  /** The lifelines that it goes between. */
  readonly x1: number
  readonly x2: number
  /** The heights of the arrow that asks and of the one that answers; the second is 0 where nothing answers. */
  readonly y1: number
  readonly y2: number
}

/** For how long a participant holds something for the order. */
export interface Bar {
  readonly step: StepName
  readonly x: number
  readonly y1: number
  readonly y2: number
  /** Whether it holds it still. */
  readonly open: boolean
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Too narrow for the names to stand beside each other: every second stands lower. */
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
/** Under the lifelines stands what is held. */
const footHeight = 44
const leastRows = 5.5

/** Lays the messages out. A diagram of few is as high as one of some, so that it does not jump as they come. */
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
