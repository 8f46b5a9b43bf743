/**
 * What a participant shows the audit, for the orchestrator only: its records of orders, and its
 * books.
 */
import { Effect } from "effect"
import { Balance, PageQuery, RecordedPage } from "#shared/contracts/audit.ts"
import { route } from "#shared/http/route.ts"
import { Books } from "./books.ts"

/** The routes, over the participant's own books. */
export const recordRoutes = Effect.gen(function* () {
  const books = yield* Books
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/reservations",
      summary: "What is on record of each order, newest order first",
      query: PageQuery,
      answer: { status: 200, description: "A page of records", schema: RecordedPage },
      handle: ({ query }) =>
        Effect.map(books.page(query), (reservations) => ({ body: { reservations } })),
    }),
    route({
      method: "GET",
      path: "/internal/books",
      summary: "Whether the books of every resource balance",
      answer: { status: 200, description: "The resources that do not balance", schema: Balance },
      handle: () => Effect.map(books.balance, (body) => ({ body })),
    }),
  ])
})
