/** A chart of values over time, one per second since the page was opened. */
import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import { repaint } from "../core/theme.ts"

export interface Line {
  readonly title: string
  /** The custom property (CSS) that holds the colour. */
  readonly colour: string
  /** Distinguishes the lines without colour. */
  readonly dash?: ReadonlyArray<number>
}

export interface ChartOptions {
  readonly title: string
  /** Seconds since the epoch. */
  readonly times: ReadonlyArray<number>
  readonly lines: ReadonlyArray<Line>
  readonly values: ReadonlyArray<ReadonlyArray<number | null>>
}

const height = 150
/** The longest and the shortest time that a chart shows. */
export const shownSeconds = 300
const leastSeconds = 60

const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" })

const optionsOf = (lines: ReadonlyArray<Line>, width: number, root: Element): uPlot.Options => {
  const style = getComputedStyle(root)
  // A canvas does not know light-dark(), so the browser resolves the colour on an element.
  const probe = root.appendChild(document.createElement("i"))
  const colour = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const axis = {
    stroke: colour("--faint"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  }
  const options: uPlot.Options = {
    width,
    height,
    cursor: { y: false },
    legend: { show: false },
    scales: {
      x: { range: (_, first, last) => [Math.min(first, last - leastSeconds), last] },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        space: 90,
        size: 26,
        values: (_, seconds) => seconds.map((s) => clock.format(s * 1000)),
      },
      { ...axis, size: 44, space: 32 },
    ],
    series: [
      {},
      ...lines.map(({ title, colour: name, dash }) => ({
        label: title,
        stroke: colour(name),
        width: 1.75,
        points: { show: false },
        ...(dash && { dash: [...dash] }),
      })),
    ],
  }
  probe.remove()
  return options
}

export const Chart = ({ title, times, lines, values }: ChartOptions) => {
  const root = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const data = [times, ...values] as unknown as uPlot.AlignedData
  const { value: painted } = repaint
  useEffect(() => {
    const element = root.current!
    const made = new uPlot(optionsOf(lines, element.clientWidth, element), data, element)
    plot.current = made
    const seen = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    seen.observe(element)
    return () => {
      seen.disconnect()
      made.destroy()
    }
  }, [painted])
  useEffect(() => plot.current?.setData(data), [times])
  return (
    <figure class="chart">
      <figcaption>
        <b>{title}</b>
        {lines.map((line, n) => (
          <span key={line.title}>
            <svg width="22" height="8" aria-hidden="true">
              <line
                class={`stroke${line.colour}`}
                x1="1"
                x2="21"
                y1="4"
                y2="4"
                {...(line.dash && { "stroke-dasharray": line.dash.join(" ") })}
              />
            </svg>
            {line.title} <b>{shown(values[n]?.at(-1))}</b>
          </span>
        ))}
      </figcaption>
      <div ref={root} aria-hidden="true" />
    </figure>
  )
}

const shown = (value: number | null | undefined): string =>
  value == null ? "–" : Number.isInteger(value) ? String(value) : value.toFixed(1)
