/**
 * What the console reads of an orchestrator: where sagas are, the order queue and its dead letters;
 * and the actions of operators on them.
 */
import { Effect, Schema } from "effect"
import { OrderId } from "#shared/contracts/order.ts"
import {
  DiscardResponse,
  LetterPage,
  LetterQuery,
  LettersRequest,
  QueueState,
  RedriveResponse,
} from "#shared/contracts/queue.ts"
import {
  RetryRequest,
  RetryResponse,
  SagaAnswer,
  SagaPage,
  SagaQuery,
  StuckGroups,
  usuallyWoken,
} from "#shared/contracts/saga.ts"
import { route } from "#shared/http/route.ts"
import type { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { QueueDesk } from "#shared/queue/queue-desk.ts"
import { Unavailable } from "#shared/transient.ts"
import { AllSagas } from "./all-sagas.ts"
import { auditOperatorRoutes } from "./audit/operator-routes.ts"
import { operatorDid } from "./operator-did.ts"

const maxBytes = 64 * 1024
const usualPage = 100

const sagaRoutes = Effect.gen(function* () {
  const sagas = yield* AllSagas
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/stuck",
      summary: "What sagas wait for, by step and cause, oldest order first",
      answer: { status: 200, description: "The groups", schema: StuckGroups },
      handle: () => Effect.map(sagas.groups, (body) => ({ body })),
    }),
    route({
      method: "GET",
      path: "/internal/sagas",
      summary: "Sagas that failed an attempt, oldest order first",
      query: SagaQuery,
      answer: { status: 200, description: "A page of sagas", schema: SagaPage },
      handle: ({ query: { after, limit = usualPage, ...filter } }) =>
        Effect.map(
          sagas.page(filter, { after, limit }),
          (body) => ({ body }),
        ),
    }),
    route({
      method: "GET",
      path: "/internal/sagas/:id",
      summary: "Where an order is right now, if an orchestrator has it in flight",
      params: Schema.Struct({ id: OrderId }),
      answer: { status: 200, description: "The saga, or null", schema: SagaAnswer },
      handle: ({ params }) => Effect.map(sagas.find(params.id), (body) => ({ body })),
    }),
    route({
      method: "POST",
      path: "/internal/sagas/retry",
      summary: "Cut short the wait for the next attempt, of one order or of those that match",
      body: { schema: RetryRequest, maxBytes },
      answer: { status: 200, description: "How many were woken", schema: RetryResponse },
      handle: Effect.fnUntraced(function* ({ body, caller }) {
        const { cap = usuallyWoken, dryRun = false, reason, ...selection } = body
        const done = yield* sagas.retry(selection, { cap, dryRun })
        if (!dryRun) {
          yield* operatorDid("retry now", caller.username, reason, { ...selection, ...done })
        }
        return { body: done }
      }),
    }),
  ])
})

const queueRoutes = Effect.gen(function* () {
  const desk = yield* QueueDesk
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/queue",
      summary: "The length and the age of the order queue",
      answer: { status: 200, description: "The order queue", schema: QueueState },
      handle: () => Effect.map(reached(desk.state), (body) => ({ body })),
    }),
    route({
      method: "GET",
      path: "/internal/dead-letters",
      summary: "Dead letters, oldest first",
      query: LetterQuery,
      answer: { status: 200, description: "A page of dead letters", schema: LetterPage },
      handle: ({ query: { limit = usualPage, ...query } }) =>
        Effect.map(reached(desk.letters({ ...query, limit: limit + 1 })), (all) => {
          const letters = all.slice(0, limit)
          return { body: { letters, next: all.length > limit ? letters.at(-1)!.id : null } }
        }),
    }),
    route({
      method: "POST",
      path: "/internal/dead-letters/redrive",
      summary: "Put the orders of dead letters on the queue again",
      body: { schema: LettersRequest, maxBytes },
      answer: { status: 200, description: "The outcome for each letter", schema: RedriveResponse },
      handle: Effect.fnUntraced(function* ({ body: { letters, reason }, caller }) {
        const done = yield* reached(desk.redrive(letters))
        yield* operatorDid("redrive", caller.username, reason, { letters: done })
        return { body: { letters: done } }
      }),
    }),
    route({
      method: "POST",
      path: "/internal/dead-letters/discard",
      summary: "Discard dead letters",
      body: { schema: LettersRequest, maxBytes },
      answer: { status: 200, description: "The outcome for each letter", schema: DiscardResponse },
      handle: Effect.fnUntraced(function* ({ body: { letters, reason }, caller }) {
        const there = new Set(yield* reached(desk.discard(letters)))
        const done = [...new Set<string>(letters)].map((letter) => ({
          letter,
          outcome: there.has(letter) ? "discarded" as const : "absent" as const,
        }))
        yield* operatorDid("discard", caller.username, reason, { letters: done })
        return { body: { letters: done } }
      }),
    }),
  ])
})

export const reached = <A>(effect: Effect.Effect<A, QueueUnavailable>) =>
  Effect.mapError(effect, ({ message }) => new Unavailable({ message }))

export const operatorRoutes = Effect.map(
  Effect.all([sagaRoutes, queueRoutes, auditOperatorRoutes]),
  (routes) => routes.flat(),
)
