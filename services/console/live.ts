/**
 * The event streams of operators (server-sent events). The token is checked before each event,
 * since a stream can outlive the session and the role of the operator who opened it.
 */
import { Effect, Metric, Schedule, Schema, Stream } from "effect"
import { Overview } from "#shared/contracts/console.ts"
import { OneOrder } from "#shared/contracts/console-orders.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { eventStreams, eventText, quiet } from "#shared/http/event-streams.ts"
import { route } from "#shared/http/route.ts"
import { UserVerifier } from "#shared/security/user-tokens.ts"
import type { Permits } from "./admission.ts"
import { lookingAtOrder } from "./one-order.ts"
import { lookingAtAll } from "./overview.ts"

/** The overview calls every service at this interval, an order's stream most of them. */
const every = "1 second"
const mostStreams = 100
const partOfOperator = 1 / 4

const openStreams = Metric.gauge("console_event_streams", {
  description: "Open event streams of operators",
  attributes: { unit: "{stream}" },
})

/**
 * Makes the function that opens a stream. The stream ends when the request's token is no longer an
 * operator's.
 */
const operatorStreams = Effect.gen(function* () {
  const { signedInOperator } = yield* UserVerifier
  const open = yield* eventStreams({
    most: mostStreams,
    part: partOfOperator,
    open: openStreams,
    remedies: {
      full: "Operators have too many event streams open. Try again in a few seconds, or use GET.",
      overShare: "You have too many event streams open. Close some of them, or use GET.",
    },
  })
  return <E>(
    { caller, closing, request }: Watching,
    texts: Stream.Stream<string, E>,
  ) => {
    const isOperator = Effect.match(signedInOperator.authorize(request), {
      onSuccess: () => true,
      onFailure: () => false,
    })
    const shown = Stream.takeWhileEffect(texts, () => isOperator)
    return open(caller.username, Effect.succeed(shown), closing)
  }
})

interface Watching {
  readonly caller: { readonly username: string }
  readonly closing: Effect.Effect<void>
  readonly request: Request
}

const answer = { status: 200, type: "text/event-stream" }

const watchAll = (open: Effect.Success<typeof operatorStreams>, permit: Permits) =>
  Effect.gen(function* () {
    const look = yield* lookingAtAll
    // One poll serves all streams, and runs only while one is open. A new stream gets the last
    // result at once.
    const looks = yield* Stream.share(
      Stream.fromEffectSchedule(look, Schedule.spaced(every)),
      { capacity: 1, strategy: "sliding", replay: 1 },
    )
    const texts = Stream.map(looks, (overview) => eventText("overview", overview))
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/overview",
        summary: "The state of the whole system",
        tag: "overview",
        permit,
        answer: {
          status: 200,
          description: "What the services answered, and which of them did not answer",
          schema: Overview,
        },
        problems: [429],
        handle: () => Effect.map(look, (body) => ({ body })),
      }),
      route({
        method: "GET",
        path: "/api/console/events",
        summary: "The state of the whole system every second, as server-sent events",
        tag: "overview",
        permit,
        answer: { ...answer, description: "The events, until you are no longer an operator" },
        problems: [429],
        handle: (input) => open(input, texts),
      }),
    ])
  })

const params = Schema.Struct({ id: OrderId })

const watchOrder = (open: Effect.Success<typeof operatorStreams>, permit: Permits) =>
  Effect.gen(function* () {
    const look = yield* lookingAtOrder
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/orders/:id",
        summary: "One order: its state, its running saga, and what each participant has on record",
        tag: "orders",
        permit,
        params,
        answer: {
          status: 200,
          description: "What the services answered, and which of them did not answer",
          schema: OneOrder,
        },
        problems: [404, 429],
        handle: ({ params }) => Effect.map(look(params.id), (body) => ({ body })),
      }),
      route({
        method: "GET",
        path: "/api/console/orders/:id/events",
        summary: "One order at each change, as server-sent events",
        tag: "orders",
        permit,
        params,
        answer: { ...answer, description: "The events, until the order is final" },
        problems: [404, 429],
        handle: Effect.fnUntraced(function* (input) {
          const first = yield* look(input.params.id)
          const texts = Stream.unfold(
            { seen: "", next: Effect.succeed(first) as ReturnType<typeof look>, ended: false },
            Effect.fnUntraced(function* ({ seen, next, ended }) {
              if (ended) return undefined
              const now = yield* next
              const mark = markOf(now)
              const text = mark === seen ? quiet : eventText("order", now)
              return [text, {
                seen: mark,
                next: Effect.delay(look(input.params.id), every),
                ended: isOver(now),
              }] as const
            }),
          )
          return yield* open(input, texts)
        }),
      }),
    ])
  })

/** Changes only when something happens: ages are left out. */
const markOf = (order: OneOrder) =>
  JSON.stringify(order, (name, value) => name === "ageMs" ? undefined : value)

const isOver = ({ order, saga }: OneOrder): boolean =>
  saga === null && (order?.status === "completed" || order?.status === "failed")

export const liveRoutes = (permit: Permits) =>
  Effect.gen(function* () {
    const open = yield* operatorStreams
    return (yield* Effect.all([watchAll(open, permit), watchOrder(open, permit)])).flat()
  })
