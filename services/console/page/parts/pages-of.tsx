/** Paging of a list. The cursors of earlier pages are kept, since a cursor only leads forward. */
import { useState } from "preact/hooks"

type Cursor = string | number

export interface Paging {
  /** The cursor of this page; null for the first. */
  readonly after: Cursor | null
  readonly number: number
  readonly on: (next: Cursor) => void
  readonly back: () => void
}

/** Returns to the first page whenever `what` changes. */
export const usePaging = (what: string): Paging => {
  const [state, setState] = useState<{ what: string; cursors: ReadonlyArray<Cursor> }>({
    what,
    cursors: [],
  })
  const cursors = state.what === what ? state.cursors : []
  return {
    after: cursors.at(-1) ?? null,
    number: cursors.length + 1,
    on: (next) => setState({ what, cursors: [...cursors, next] }),
    back: () => setState({ what, cursors: cursors.slice(0, -1) }),
  }
}

export const Pager = (
  { paging, next, order }: {
    readonly paging: Paging
    readonly next: Cursor | null
    /** The order of the list, such as "newest first". */
    readonly order: string
  },
) =>
  next === null && paging.number === 1 ? null : (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" class="quiet" disabled={paging.number === 1} onClick={paging.back}>
        Previous
      </button>
      <span class="faint">Page {paging.number}, {order}</span>
      <button
        type="button"
        class="quiet"
        disabled={next === null}
        onClick={() => next !== null && paging.on(next)}
      >
        Next
      </button>
    </nav>
  )
