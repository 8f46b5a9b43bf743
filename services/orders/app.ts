/**
 * The routes of orders: the customers' API, and the internal routes for orchestrator, auth and
 * console.
 */
import { Duration, Effect, Schema } from "effect"
import { DecisionRequest, DecisionResponse, unpacked } from "#shared/contracts/decision.ts"
import { OrderDetails, OrderView } from "#shared/contracts/order-state.ts"
import { NewOrder, OrderId, toMinor } from "#shared/contracts/order.ts"
import { appWithFaults } from "#shared/faults/app.ts"
import { docsApp } from "#shared/http/docs.ts"
import { idempotencyKey } from "#shared/http/idempotency-key.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import { publicServices } from "#shared/roster.ts"
import { Admission } from "./admission.ts"
import { orderAuditRoutes } from "./audit-routes.ts"
import { cancelOrder } from "./cancel-routes.ts"
import { historyOf, orderStreams } from "./events.ts"
import { lastEventId, placingHeaders, preferredWait, watchingHeaders } from "./headers.ts"
import { Intake } from "./intake.ts"
import { LookUps } from "./look-ups.ts"
import { detailsOf, isFinal, viewOf } from "./order.ts"
import { operatorRoutes } from "./operator-routes.ts"
import { hasUnfinishedOrders } from "./owner-routes.ts"
import { Register } from "./register.ts"

const params = Schema.Struct({ id: OrderId })

const placeOrder = Effect.gen(function* () {
  const intake = yield* Intake
  const admission = yield* Admission
  return yield* route({
    method: "POST",
    path: "/api/orders/",
    summary: "Place an order",
    tag: "orders",
    // Drops an order that is still waiting to be stored when its client hangs up.
    endsWithClient: true,
    headers: placingHeaders,
    permit: ({ caller, request }) =>
      Effect.map(idempotencyKey(request), (key) => admission.permit(caller.username, key)),
    body: {
      schema: NewOrder,
      maxBytes: publicBodyBytes,
      example: { amount: 25, item: 1, slot: "09:00" },
    },
    answer: {
      status: 201,
      description: "The order is stored and will become final",
      schema: OrderView,
      headers: {
        Location: "The path of the order",
        "Idempotent-Replayed": "true: the order was placed before, with the same Idempotency-Key",
        "Preference-Applied": "The wait that was honoured",
      },
    },
    problems: [422, 429],
    handle: Effect.fnUntraced(function* ({ body, caller, closing, permit, request }) {
      const { amount, ...rest } = body
      const wait = preferredWait(request)
      const { order, replayed, waited } = yield* intake.place({
        username: caller.username,
        amountMinor: toMinor(amount),
        details: "details" in rest ? rest.details : rest,
        idempotencyKey: yield* idempotencyKey(request),
        permit,
      }, wait && { atMost: wait, closing })
      return {
        body: viewOf(order),
        headers: {
          location: `/api/orders/${order.id}`,
          ...(replayed && { "idempotent-replayed": "true" }),
          ...(waited && wait && { "preference-applied": `wait=${Duration.toSeconds(wait)}` }),
        },
      }
    }),
  })
})

const listOrders = Effect.gen(function* () {
  const lookUps = yield* LookUps
  return yield* route({
    method: "GET",
    path: "/api/orders/",
    summary: "Your newest orders, oldest first",
    tag: "orders",
    query: Schema.Struct({
      limit: Schema.optionalKey(
        Schema.NumberFromString.check(
          Schema.isInt(),
          Schema.isBetween({ minimum: 1, maximum: 1000 }),
        ),
      ),
      before: Schema.optionalKey(OrderId),
    }),
    answer: {
      status: 200,
      description: "The orders",
      schema: Schema.Array(OrderView),
      headers: { Link: 'rel="prev": the path of the orders before these, if there are any' },
    },
    handle: ({ caller, query }) => {
      const limit = query.limit ?? 100
      return Effect.map(lookUps.list(caller.username, { limit, before: query.before }), (page) => {
        const oldest = page.orders[0]?.id
        const link = `</api/orders/?limit=${limit}&before=${oldest}>; rel="prev"`
        return { body: page.orders.map(viewOf), ...(page.more && { headers: { link } }) }
      })
    },
  })
})

const getOrder = Effect.gen(function* () {
  const lookUps = yield* LookUps
  return yield* route({
    method: "GET",
    path: "/api/orders/:id",
    summary: "One of your orders, with its timeline",
    tag: "orders",
    endsWithClient: true,
    params,
    answer: { status: 200, description: "The order", schema: OrderDetails },
    problems: [404],
    handle: ({ caller, params }) =>
      Effect.map(lookUps.find(caller.username, params.id), (order) => ({ body: detailsOf(order) })),
  })
})

/** Each polls the database every few seconds. A user may have a part of what is free. */
const mostEventStreams = 1_000

const watchOrder = Effect.gen(function* () {
  const lookUps = yield* LookUps
  const openStream = yield* orderStreams({ most: mostEventStreams })
  return yield* route({
    method: "GET",
    path: "/api/orders/:id/events",
    summary: "What happens to one of your orders, as server-sent events",
    tag: "orders",
    params,
    headers: watchingHeaders,
    answer: {
      status: 200,
      description: "The events, ending when the order is final",
      nothing: "The order is final, and all its events were seen",
      type: "text/event-stream",
    },
    problems: [404, 429],
    handle: Effect.fnUntraced(function* ({ caller, closing, params, request }) {
      const look = lookUps.find(caller.username, params.id)
      const order = yield* look
      const seen = lastEventId(request)
      // 204 tells an EventSource to stop reconnecting.
      if (isFinal(order) && seen >= historyOf(order).length - 1) {
        return new Response(null, { status: 204 })
      }
      return yield* openStream(order, look, seen, closing)
    }),
  })
})

const decide = Effect.gen(function* () {
  const register = yield* Register
  return yield* route({
    method: "POST",
    path: "/internal/decisions",
    summary: "Record decisions; answers with the current state of each order",
    body: {
      schema: DecisionRequest,
      maxBytes: 4 * 1024 * 1024,
      example: {
        decisions: [{
          orderId: "0192f0c1-6b1e-7c3a-8f4e-2d9a5b7c1e3f",
          decision: "complete",
          timeline: 0,
        }],
        timelines: [[]],
      },
    },
    answer: { status: 200, description: "The state of each order", schema: DecisionResponse },
    handle: ({ body }) =>
      Effect.map(register.decide(unpacked(body)), (decisions) => ({ body: { decisions } })),
  })
})

/** `faults`: whether operators may set faults. */
export const ordersApp = Effect.fnUntraced(function* (faults: boolean) {
  const database = yield* Database
  const doors = yield* appWithFaults(faults, {
    name: "orders",
    description: "Orders: place them, look them up, watch them become final.",
    routes: [
      yield* placeOrder,
      yield* listOrders,
      yield* getOrder,
      yield* watchOrder,
      yield* cancelOrder,
      yield* decide,
      yield* hasUnfinishedOrders,
      ...(yield* orderAuditRoutes),
      ...(yield* operatorRoutes),
    ],
    // The queue is not required: orders are accepted without it, and the sweeper publishes them
    // later.
    ready: { database: database.ping },
  })
  // The docs of all public services: behind another gateway, nothing else serves them.
  doors.public.route("/", docsApp(publicServices))
  return doors
})
