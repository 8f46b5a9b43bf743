/** One order, combined from what all services know of it. */
import { Effect } from "effect"
import { RecordedPage } from "#shared/contracts/audit.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { WholeOrder } from "#shared/contracts/order-search.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { LetterPage, maxLetters } from "#shared/contracts/queue.ts"
import { SagaAnswer } from "#shared/contracts/saga.ts"
import type { Problem } from "#shared/http/problem.ts"
import { asking, awayOf, known } from "./asking.ts"
import { Peers, ServiceAway } from "./peers.ts"

/**
 * Makes the function that reads an order. It fails with a 404 Problem when the orders service does
 * not know the order.
 */
export const lookingAtOrder = Effect.gen(function* () {
  const { read } = yield* Peers
  const asked = yield* asking
  return Effect.fnUntraced(function* (id: OrderId): Effect.fn.Return<OneOrder, Problem> {
    const { order, saga, letters, records } = yield* Effect.all({
      order: read("orders", { path: `/internal/order-search/${id}`, schema: WholeOrder }).pipe(
        Effect.catchTag("ServiceAway", (away) => Effect.succeed(away)),
      ),
      saga: asked("orchestrator", { path: `/internal/sagas/${id}`, schema: SagaAnswer }),
      letters: asked("orchestrator", {
        path: `/internal/dead-letters?orderId=${id}&limit=${maxLetters}`,
        schema: LetterPage,
      }),
      records: Effect.forEach(participantNames, (name) =>
        asked(name, {
          path: "/internal/records",
          body: { orderIds: [id] },
          schema: RecordedPage,
        }), { concurrency: "unbounded" }),
    }, { concurrency: "unbounded" })
    return {
      order: known(order),
      saga: known(saga)?.saga ?? null,
      records: participantNames.flatMap((participant, n) => {
        const page = known(records[n]!)
        return page === null ? [] : [{ participant, recorded: page.reservations[0] ?? null }]
      }),
      letter: known(letters)?.letters.at(-1) ?? null,
      unavailable: awayOf([order, saga, letters, silent(known(saga)), ...records]),
    }
  })
})

/** An orchestrator that did not answer may have the order. */
const silent = (answer: typeof SagaAnswer.Type | null) =>
  answer === null || answer.saga !== null || answer.unheard.length === 0
    ? undefined
    : new ServiceAway({
      service: "orchestrator",
      message: `no answer: ${answer.unheard.join(", ")}`,
    })
