/** Lists, page by page, as far as the person wants to see them. */
import { Effect } from "effect"
import type { Option } from "#shared/command/syntax.ts"
import { wholeOf } from "#shared/command/values.ts"
import type { ApiError } from "./http.ts"
import type { Output } from "./output.ts"

const usualRows = 50
const mostOfPage = 500

export const pagingOptions = {
  limit: { type: "string", value: "N", says: `as many instead of ${usualRows}` },
  after: { type: "string", value: "X", says: "from behind this one on, as the list before said" },
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

/** Prints each row as its page comes, the names of columns above the first; gives how many there were, and says on standard error where it would go on. */
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
    if (next !== undefined) yield* out.note(`There are more: --after ${next}, or a larger --limit`)
    return printed
  })
