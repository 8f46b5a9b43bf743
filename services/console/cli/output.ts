/**
 * The output of commands: data on standard output, as text or as one JSON value per line; all else
 * on standard error.
 */
import { Console, Effect } from "effect"
import { printable } from "#shared/command/printable.ts"

export interface Output {
  readonly json: boolean
  /** Prints a value: as JSON, or as `words`, which can have several lines. */
  readonly data: (value: unknown, words: () => string) => Effect.Effect<void>
  /** Prints a heading, such as the names of columns; left out in JSON. */
  readonly heading: (words: string) => Effect.Effect<void>
  /** Prints a remark on standard error. */
  readonly note: (text: string) => Effect.Effect<void>
}

export const outputOf = (json: boolean): Output => ({
  json,
  data: (value, words) => Console.log(json ? JSON.stringify(value) : words()),
  heading: (words) => json ? Effect.void : Console.log(words),
  note: (text) => Console.error(printable(text)),
})

/** A column of a list; `right` aligns its texts to the right. */
export interface Column<A> {
  readonly name: string
  readonly width: number
  readonly right?: true
  readonly of: (row: A) => string
}

/**
 * The heading of the columns, and their rows. A text that is too wide moves the rest of its row.
 */
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

/** A duration in the largest unit that fits. */
export const spanOf = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

/** The time since an instant, by this machine's clock. */
export const agoOf = (instant: string): string => spanOf(Date.now() - Date.parse(instant))

/** The time until an instant, by this machine's clock. */
export const inOf = (instant: string | null): string =>
  instant === null ? "now" : `in ${spanOf(Date.parse(instant) - Date.now())}`

export const counted = (count: number): string => count.toLocaleString("en-US")
