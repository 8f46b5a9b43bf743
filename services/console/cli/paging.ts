/** Prints lists page by page, up to the number of rows that the person wants. */
import { Effect } from "effect"
import type { Option } from "#shared/command/syntax.ts"
import { wholeOf } from "#shared/command/values.ts"
import type { ApiError } from "./http.ts"
import type { Output } from "./output.ts"

const usualRows = 50
const mostOfPage = 500

export const pagingOptions = {
  limit: { type: "string", value: "N", says: `print up to N rows; default: ${usualRows}` },
  after: { type: "string", value: "X", says: "continue after X, as the previous list said" },
} as const satisfies Record<string, Option>

export interface Paging {
  readonly rows: number
  readonly after: string | undefined
}

/** Throws Misused. */
export const pagingOf = (
  given: { readonly limit?: string; readonly after?: string },
): Paging => ({
  rows: given.limit === undefined
    ? usualRows
    : wholeOf("--limit", given.limit, { least: 1, most: 10_000_000, such: 100 }),
  after: given.after,
})

interface Page<A> {
  readonly rows: ReadonlyArray<A>
  readonly next: string | number | null
}

/**
 * Prints the heading, then each row as its page arrives. Says on standard error where the list
 * continues. Returns the number of rows.
 */
export const printPages = <A>(
  { rows, after }: Paging,
  out: Output,
  ask: (page: { readonly after: string | undefined; readonly limit: number }) => //
  Effect.Effect<Page<A>, ApiError>,
  { heading, print }: { heading: string; print: (row: A) => Effect.Effect<void> },
): Effect.Effect<number, ApiError> =>
  Effect.gen(function* () {
    let printed = 0
    let next: string | undefined = after
    do {
      const page: Page<A> = yield* ask({
        after: next,
        limit: Math.min(mostOfPage, rows - printed),
      })
      if (printed === 0 && page.rows.length > 0) yield* out.heading(heading)
      yield* Effect.forEach(page.rows, print, { discard: true })
      printed += page.rows.length
      next = page.next === null ? undefined : `${page.next}`
    } while (next !== undefined && printed < rows)
    if (next !== undefined) {
      yield* out.note(`There are more: use --after ${next}, or a larger --limit`)
    }
    return printed
  })
