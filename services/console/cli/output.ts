/** What commands print: data as lines for people or as one JSON per line, on standard output; the rest on standard error. */
import { Console, Effect } from "effect"
import { printable } from "#shared/command/printable.ts"

export interface Output {
  readonly json: boolean
  /** One piece of data, and how it reads in words, in a line or several. */
  readonly data: (value: unknown, words: () => string) => Effect.Effect<void>
  /** What only people want to see above the data, such as the names of columns. */
  readonly heading: (words: string) => Effect.Effect<void>
  /** What is no data: a remark, or what is missing. */
  readonly note: (text: string) => Effect.Effect<void>
}

export const outputOf = (json: boolean): Output => ({
  json,
  data: (value, words) => Console.log(json ? JSON.stringify(value) : words()),
  heading: (words) => json ? Effect.void : Console.log(words),
  note: (text) => Console.error(printable(text)),
})

/** A column of a list: its name, how wide its texts are, and on which side they stand. */
export interface Column<A> {
  readonly name: string
  readonly width: number
  readonly right?: true
  readonly of: (row: A) => string
}

/** The names of columns, and a row of them; what is wider than its column moves the rest of its row. */
export const columns = <A>(all: ReadonlyArray<Column<A>>) => {
  const line = (text: (column: Column<A>) => string) =>
    all.map((column) =>
      column.right ? text(column).padStart(column.width) : text(column).padEnd(column.width)
    ).join("  ").trimEnd()
  return {
    heading: line(({ name }) => name),
    row: (row: A) => line(({ of }) => printable(of(row))),
  }
}

/** A span of time in the largest unit that fits. */
export const spanOf = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

/** How long ago an instant was, by the clock here. */
export const agoOf = (instant: string): string => spanOf(Date.now() - Date.parse(instant))

/** When an instant comes, by the clock here. */
export const inOf = (instant: string | null): string =>
  instant === null ? "now" : `in ${spanOf(Date.parse(instant) - Date.now())}`

export const counted = (count: number): string => count.toLocaleString("en-US")
