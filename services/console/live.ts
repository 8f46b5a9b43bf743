/**
 * What operators see change without asking again, as server-sent events. Whoever watches proves to be an operator before each
 * event: a stream may outlive the session, and the role, of whoever opened it.
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

/** Each look at everything asks every service, and one at an order most of them. */
const every = "1 second"
const mostStreams = 100
const partOfOperator = 1 / 4

const openStreams = Metric.gauge("console_event_streams", {
  description: "Event streams of operators that are open",
  attributes: { unit: "{stream}" },
})

/** Makes the function that opens a stream, which goes on as long as the request's token is an operator's. */
const operatorStreams = Effect.gen(function* () {
  const { signedInOperator } = yield* UserVerifier
  const open = yield* eventStreams({
    most: mostStreams,
    part: partOfOperator,
    open: openStreams,
    remedies: {
      full: "Operators watch too much. Try again in a few seconds, or GET what the stream shows.",
      overShare: "You watch too much at a time. End some of the streams, or GET what they show.",
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
    // One look for all who watch, as long as anybody does; who comes in between sees the last one at once.
    const looks = yield* Stream.share(
      Stream.fromEffectSchedule(look, Schedule.spaced(every)),
      { capacity: 1, strategy: "sliding", replay: 1 },
    )
    const texts = Stream.map(looks, (overview) => eventText("overview", overview))
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/overview",
        summary: "How everything stands",
        tag: "overview",
        permit,
        answer: {
          status: 200,
          description: "What could be asked; and who could not be",
          schema: Overview,
        },
        problems: [429],
        handle: () => Effect.map(look, (body) => ({ body })),
      }),
      route({
        method: "GET",
        path: "/api/console/events",
        summary: "How everything stands, each second, as server-sent events",
        tag: "overview",
        permit,
        answer: { ...answer, description: "The events, as long as you are an operator" },
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
        summary: "One order: how it stands, where it is right now, and who holds what of it",
        tag: "orders",
        permit,
        params,
        answer: {
          status: 200,
          description: "What could be asked; and who could not be",
          schema: OneOrder,
        },
        problems: [404, 429],
        handle: ({ params }) => Effect.map(look(params.id), (body) => ({ body })),
      }),
      route({
        method: "GET",
        path: "/api/console/orders/:id/events",
        summary: "The same whenever it is another, as server-sent events",
        tag: "orders",
        permit,
        params,
        answer: { ...answer, description: "The events, ending when the order is final" },
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

/** What is the same as long as nothing happened: all but how old something is. */
const markOf = (order: OneOrder) =>
  JSON.stringify(order, (name, value) => name === "ageMs" ? undefined : value)

const isOver = ({ order, saga }: OneOrder): boolean =>
  saga === null && (order?.status === "completed" || order?.status === "failed")

export const liveRoutes = (permit: Permits) =>
  Effect.gen(function* () {
    const open = yield* operatorStreams
    return (yield* Effect.all([watchAll(open, permit), watchOrder(open, permit)])).flat()
  })
