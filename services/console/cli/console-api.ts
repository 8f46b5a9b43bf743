/** The console's API for a signed-in operator. Every call fails with ApiError. */
import { Effect, type Schema } from "effect"
import { AuditState, HealResponse } from "#shared/contracts/audit.ts"
import { OneOrder } from "#shared/contracts/console-orders.ts"
import { Operator, Overview } from "#shared/contracts/console.ts"
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import {
  CancelResponse,
  OrderSearchPage,
  type OrderSearchQuery,
} from "#shared/contracts/order-search.ts"
import { DiscardResponse, LetterPage, RedriveResponse } from "#shared/contracts/queue.ts"
import { RetryResponse, type SagaFilter, StuckGroups } from "#shared/contracts/saga.ts"
import { Adjustment, AdjustmentPage, StockPage } from "#shared/contracts/stock.ts"
import { events } from "./events.ts"
import { ApiError, type Call, call } from "./http.ts"
import type { SignedIn } from "./sign-in.ts"

/** Where a page of a list begins, and how long it is. */
interface Page {
  readonly after?: string | undefined
  readonly limit?: number | undefined
}

/** The filters of a search for orders, as query parameters. */
export type OrdersWanted = Partial<
  Record<Exclude<keyof typeof OrderSearchQuery.Encoded, "after" | "limit">, string>
>

const root = "/api/console"

export const consoleApi = (baseUrl: string, who: SignedIn) => {
  /** An expired token is replaced, once for each request. */
  const ask = <A>(request: Omit<Call<A>, "token">): Effect.Effect<A, ApiError> =>
    Effect.suspend(() => {
      const token = who.token()
      return call(baseUrl, { ...request, path: root + request.path, token }).pipe(
        Effect.catchIf(({ status }) => status === 401, () =>
          Effect.andThen(
            who.renew(token),
            Effect.suspend(() =>
              call(baseUrl, { ...request, path: root + request.path, token: who.token() })
            ),
          )),
        Effect.mapError(explained),
      )
    })
  const get = <A>(path: string, answer: Schema.Codec<A, unknown>, query: Call<A>["query"] = {}) =>
    ask({ path, answer, query })
  const post = <A>(path: string, answer: Schema.Codec<A, unknown>, body: unknown) =>
    ask({ path, answer, body })
  const follow = <A>(path: string, event: string, schema: Schema.Codec<A, unknown>) =>
    events({ baseUrl, path: root + path, event, schema, who })
  return {
    me: get("/me", Operator),
    overviews: follow("/events", "overview", Overview),
    overview: get("/overview", Overview),
    orders: (wanted: OrdersWanted, page: Page) =>
      get("/orders", OrderSearchPage, { ...wanted, ...page }),
    order: (id: OrderId) => get(`/orders/${id}`, OneOrder),
    orderChanges: (id: OrderId) => follow(`/orders/${id}/events`, "order", OneOrder),
    cancel: (id: OrderId, reason: string) =>
      post(`/orders/${id}/cancel`, CancelResponse, { reason }),
    stuck: get("/stuck", StuckGroups),
    retry: (
      body: SagaFilter & {
        readonly orderId?: OrderId
        readonly cap?: number
        readonly dryRun?: boolean
        readonly reason: string
      },
    ) => post("/retry", RetryResponse, body),
    letters: (wanted: { readonly orderId?: string | undefined }, page: Page) =>
      get("/dead-letters", LetterPage, { ...wanted, ...page }),
    redrive: (letters: ReadonlyArray<string>, reason: string) =>
      post("/dead-letters/redrive", RedriveResponse, { letters, reason }),
    discard: (letters: ReadonlyArray<string>, reason: string) =>
      post("/dead-letters/discard", DiscardResponse, { letters, reason }),
    stock: (participant: ParticipantName, prefix: string | undefined, page: Page) =>
      get(`/stock/${participant}`, StockPage, { prefix, ...page }),
    adjustments: (participant: ParticipantName, page: Page) =>
      get(`/stock/${participant}/adjustments`, AdjustmentPage, { ...page }),
    adjust: (
      participant: ParticipantName,
      body: { readonly resource: string; readonly change: number; readonly reason: string },
      key: string,
    ) =>
      ask({
        path: `/stock/${participant}/adjustments`,
        answer: Adjustment,
        body,
        headers: { "idempotency-key": key },
      }),
    audit: get("/audit", AuditState),
    heal: (body: { readonly reason: string; readonly dryRun: boolean }) =>
      post("/audit/heal", HealResponse, body),
  }
}

export type ConsoleApi = ReturnType<typeof consoleApi>

/** Adds to the API's message how to become an operator. */
const explained = (error: ApiError): ApiError =>
  error.problem?.code === "operators_only"
    ? new ApiError({
      ...error,
      message: "You are not an operator, or were not one when you logged in: " +
        "npm run operators -- grant NAME",
    })
    : error
