/**
 * The sequence diagram of an order. Bars show what participants hold for it: in the end all of
 * them, or none.
 */
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { type Layout, layOut, type Row } from "../../sequence-layout.ts"
import { lanes, type Message, sequenceOf } from "../../sequence.ts"
import { answerWords, durationWords, requestWords, wantOf } from "../../words.ts"

type Drawn = Pick<
  OrderDetails,
  | "username"
  | "amount"
  | "details"
  | "status"
  | "reason"
  | "createdAt"
  | "decidedAt"
  | "timeline"
>

const stillMotion = matchMedia("(prefers-reduced-motion: reduce)")
/** The pause between two messages of an animated diagram. */
const paceMs = 420

/** How many messages are visible: all, or one more after each pause. */
const usePaced = (count: number, slowly: boolean): number => {
  const isPaced = slowly && !stillMotion.matches
  const [shown, setShown] = useState(isPaced ? 0 : count)
  useEffect(() => {
    if (!isPaced || shown >= count) return
    const timer = setTimeout(() => setShown(shown + 1), paceMs)
    return () => clearTimeout(timer)
  }, [shown, count, isPaced])
  return isPaced ? Math.min(shown, count) : count
}

/** The available width. */
const useWidth = () => {
  const element = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)))
    seen.observe(element.current!)
    return () => seen.disconnect()
  }, [])
  return { element, width }
}

export interface DiagramOptions {
  /** Null draws only the lifelines. */
  readonly order: Drawn | null
  readonly saga?: RunningSaga | null
  /** Whether messages appear one after another, however fast they happened. */
  readonly slowly?: boolean
  /** Called with the numbers of visible and of all messages. */
  readonly seen?: (shown: number, count: number) => void
}

export const Diagram = ({ order, saga = null, slowly = false, seen }: DiagramOptions) => {
  const { element, width } = useWidth()
  const messages = useMemo(() => order === null ? [] : sequenceOf(order, saga), [order, saga])
  const shown = usePaced(messages.length, slowly)
  useEffect(() => seen?.(shown, messages.length), [shown, messages.length])
  const layout = useMemo(
    () => layOut(messages.slice(0, shown), width),
    [messages, shown, width],
  )
  return (
    <div class="diagram" ref={element}>
      {width > 0 && <Drawing layout={layout} order={order} />}
    </div>
  )
}

const Drawing = ({ layout, order }: { readonly layout: Layout; readonly order: Drawn | null }) => {
  const titleId = useId()
  const { width, height, heads, rows, bars, top, bottom, narrow } = layout
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-labelledby={titleId}
      class={narrow ? "narrow" : ""}
    >
      <title id={titleId}>{order === null ? emptyTitle : titleOf(order, rows)}</title>
      {heads.map(({ lane, x, y }, n) => (
        <g key={lane} class={n > 2 ? "participant" : ""}>
          <line class="lifeline" x1={x} x2={x} y1={y + 8} y2={bottom} />
          <text class="head" x={x} y={y} text-anchor="middle">{lane}</text>
        </g>
      ))}
      {bars.map(({ step, x, y1, y2, open }) => (
        <rect
          key={step}
          class={open ? "held open" : "held"}
          x={x - 5}
          y={y1}
          width={10}
          height={Math.max(0, y2 - y1)}
          rx={3}
        />
      ))}
      {rows.map((row, n) => <Arrows key={n} row={row} order={order!} narrow={narrow} />)}
      {order !== null && <Feet layout={layout} order={order} />}
      {rows.length === 0 && (
        <text class="hint" x={width / 2} y={(top + bottom) / 2} text-anchor="middle">
          {order === null ? "Place an order to see its saga here." : ""}
        </text>
      )}
    </svg>
  )
}

const emptyTitle = `An empty sequence diagram between ${lanes.join(", ")}.`

/** The text for screen readers. */
const titleOf = (order: Drawn, rows: ReadonlyArray<Row>): string =>
  "Sequence diagram. " + rows.map(({ message }) => {
    const answer = answerWords(message)
    return `${message.from} to ${message.to}: ${requestWords(message, order)}` +
      (answer === null ? "" : `, answered: ${answer}`)
  }).join(". ")

const toneOf = ({ kind, outcome }: Message): string => {
  if (outcome === "rejected" || kind === "abort") return "bad"
  if (kind === "cancel" || kind === "settle") return "undo"
  return kind === "complete" || outcome === "reserved" ? "good" : ""
}

const Arrows = (
  { row: { message, x1, x2, y1, y2 }, order, narrow }: {
    readonly row: Row
    readonly order: Drawn
    readonly narrow: boolean
  },
) => {
  const left = Math.min(x1, x2) + 10
  const answer = answerWords(message)
  const took = message.durationMs === null ? "" : ` · ${durationWords(message.durationMs)}`
  const isOut = message.outcome === null
  return (
    <g class={`message ${message.kind} ${toneOf(message)}${isOut ? " out" : ""}`}>
      <text x={left} y={y1 - 6}>{requestWords(message, order)}{isOut && " …"}</text>
      <Arrow from={x1} to={x2} y={y1} />
      {answer !== null && y2 > 0 && (
        <>
          <text class="answer" x={left} y={y2 - 6}>{answer}{narrow ? "" : took}</text>
          <Arrow from={x2} to={x1} y={y2} answers />
        </>
      )}
    </g>
  )
}

const Arrow = (
  { from, to, y, answers = false }: {
    readonly from: number
    readonly to: number
    readonly y: number
    readonly answers?: boolean
  },
) => {
  const back = to > from ? -1 : 1
  const end = to + back * 6
  return (
    <g class={answers ? "arrow answers" : "arrow"}>
      <line
        x1={from - back * 2}
        x2={end}
        y1={y}
        y2={y}
        {...(!answers && { pathLength: 1 })}
      />
      <path d={`M${end + back * 7} ${y - 4}L${end} ${y}L${end + back * 7} ${y + 4}`} />
    </g>
  )
}

/** What each participant holds after the last message. */
const Feet = ({ layout, order }: { readonly layout: Layout; readonly order: Drawn }) => {
  const { heads, bars, bottom, rows, narrow } = layout
  if (rows.length === 0) return null
  const held = new Set(bars.filter(({ open }) => open).map(({ step }) => step))
  // In a narrow diagram the kind is left out, since the lane's name says it.
  const what = (want: string) => narrow ? want.replace(/^\w+ /, "") : want
  return (
    <>
      {orderSaga.map(({ step, at }) => {
        const x = heads.find(({ lane }) => lane === at)!.x
        return (
          <g key={step} class={held.has(step) ? "foot holds" : "foot"}>
            <text class="faint" x={x} y={bottom + 16} text-anchor="middle">holds</text>
            <text x={x} y={bottom + 34} text-anchor="middle">
              {held.has(step) ? what(wantOf(step, order)) : "nothing"}
            </text>
          </g>
        )
      })}
    </>
  )
}
