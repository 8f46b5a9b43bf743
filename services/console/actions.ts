/**
 * The actions of operators. The service that owns the data performs each in the operator's name,
 * and the audit trail records it. A dry run changes nothing, so it is not recorded.
 */
import { Effect, Schema } from "effect"
import { HealRequest, HealResponse } from "#shared/contracts/audit.ts"
import { ParticipantParams } from "#shared/contracts/console-stock.ts"
import { CancelRequest, CancelResponse } from "#shared/contracts/order-search.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { DiscardResponse, LettersRequest, RedriveResponse } from "#shared/contracts/queue.ts"
import { RetryRequest, RetryResponse } from "#shared/contracts/saga.ts"
import { Adjustment, NewAdjustment } from "#shared/contracts/stock.ts"
import type { OperatorAction } from "#shared/contracts/trail.ts"
import { clientAddress } from "#shared/http/client-address.ts"
import { neededIdempotencyKey, neededKeyHeader } from "#shared/http/idempotency-key.ts"
import { publicBodyBytes, route, type RouteInput } from "#shared/http/route.ts"
import type { User } from "#shared/security/user-tokens.ts"
import type { Permits } from "./admission.ts"
import { type OrderOf, type PeerName, Peers } from "./peers.ts"
import { Trail } from "./trail.ts"

/** Room for the ids of 500 dead letters. */
const lettersBytes = 64 * 1024

/** For the examples in the API's description. */
const reason = "items works again"

export interface ActionOptions {
  readonly permit: Permits
  readonly trustProxy: boolean
}

interface Wanted<A> extends Omit<OrderOf<A>, "request" | "body"> {
  readonly service: PeerName
  readonly action: OperatorAction
  readonly target?: string | undefined
  readonly body: { readonly reason: string; readonly dryRun?: boolean }
}

/** Cuts a text to one line of at most 200 characters that the trail can store. */
const shown = (text: string) =>
  text.replace(/\p{Cc}/gu, " ").slice(0, 200).replace(/[\ud800-\udbff]$/, "")

/** Makes the function that has a service perform an operator's action. */
export const acting = (trustProxy: boolean) =>
  Effect.gen(function* () {
    const { act } = yield* Peers
    const { kept } = yield* Trail
    return <A>(
      { caller, request, remoteAddress }: Pick<
        RouteInput<never, never, never, User>,
        "caller" | "request" | "remoteAddress"
      >,
      { service, action, target, ...order }: Wanted<A>,
    ) => {
      const doing = act(service, { ...order, request })
      const { reason, dryRun = false } = order.body
      if (dryRun) return doing
      return kept({
        username: caller.username,
        action,
        reason,
        address: clientAddress(request, remoteAddress, trustProxy),
        ...(target !== undefined && { target: shown(target) }),
      }, doing)
    }
  })

const sagaActions = ({ permit, trustProxy }: ActionOptions) =>
  Effect.gen(function* () {
    const act = yield* acting(trustProxy)
    return yield* Effect.all([
      route({
        method: "POST",
        path: "/api/console/orders/:id/cancel",
        summary: "Cancel an undecided order",
        tag: "orders",
        permit,
        params: Schema.Struct({ id: OrderId }),
        body: { schema: CancelRequest, maxBytes: publicBodyBytes, example: { reason } },
        answer: {
          status: 200,
          description: "The order is cancelled, now or earlier; what it holds is given back",
          schema: CancelResponse,
        },
        problems: [404, 409, 429],
        handle: (input) =>
          act(input, {
            service: "orders",
            action: "order-cancel",
            target: input.params.id,
            path: `/internal/orders/${input.params.id}/cancel`,
            body: input.body,
            schema: CancelResponse,
          }),
      }),
      route({
        method: "POST",
        path: "/api/console/retry",
        summary: "Retry now: one order, or all that match",
        tag: "sagas",
        permit,
        body: {
          schema: RetryRequest,
          maxBytes: publicBodyBytes,
          example: { step: "item", dryRun: true, reason },
        },
        answer: { status: 200, description: "How many are retried", schema: RetryResponse },
        problems: [429],
        handle: (input) =>
          act(input, {
            service: "orchestrator",
            action: "order-retry",
            target: selectedBy(input.body),
            path: "/internal/sagas/retry",
            body: input.body,
            schema: RetryResponse,
          }),
      }),
      route({
        method: "POST",
        path: "/api/console/audit/heal",
        summary: "Audit everything, and give back what is held for failed or unknown orders",
        tag: "audit",
        permit,
        body: {
          schema: HealRequest,
          maxBytes: publicBodyBytes,
          example: { dryRun: true, reason },
        },
        answer: { status: 200, description: "What was found and healed", schema: HealResponse },
        problems: [429],
        handle: (input) =>
          act(input, {
            service: "orchestrator",
            action: "audit-heal",
            path: "/internal/audit/heal",
            body: input.body,
            schema: HealResponse,
          }),
      }),
    ])
  })

const selectedBy = ({ orderId, action, step, cause }: typeof RetryRequest.Type): string =>
  orderId ?? (Object.entries({ action, step, cause })
    .flatMap(([name, value]) => value === undefined ? [] : [`${name} ${value}`])
    .join(", ") || "all")

const letterAction = <A>(
  { permit, trustProxy }: ActionOptions,
  verb: "redrive" | "discard",
  summary: string,
  schema: Schema.Codec<A, unknown>,
) =>
  Effect.gen(function* () {
    const act = yield* acting(trustProxy)
    return yield* route({
      method: "POST",
      path: `/api/console/dead-letters/${verb}`,
      summary,
      tag: "queue",
      permit,
      body: {
        schema: LettersRequest,
        maxBytes: lettersBytes,
        example: { letters: ["1764410000000-0"], reason },
      },
      answer: { status: 200, description: "The outcome for each dead letter", schema },
      problems: [429],
      handle: (input) =>
        act(input, {
          service: "orchestrator",
          action: `dead-letter-${verb}`,
          target: input.body.letters.join(" "),
          path: `/internal/dead-letters/${verb}`,
          body: input.body,
          schema,
        }),
    })
  })

const letterActions = (options: ActionOptions) =>
  Effect.all([
    letterAction(
      options,
      "redrive",
      "Put the orders of dead letters on the queue again",
      RedriveResponse,
    ),
    letterAction(options, "discard", "Remove dead letters", DiscardResponse),
  ])

const restock = ({ permit, trustProxy }: ActionOptions) =>
  Effect.gen(function* () {
    const act = yield* acting(trustProxy)
    return yield* route({
      method: "POST",
      path: "/api/console/stock/:participant/adjustments",
      summary: "Adjust a resource: restock an item, change a slot's capacity, credit an account",
      tag: "stock",
      permit,
      params: ParticipantParams,
      headers: neededKeyHeader,
      body: {
        schema: NewAdjustment,
        maxBytes: publicBodyBytes,
        example: { resource: "1", change: 10, reason },
      },
      answer: {
        status: 201,
        description: "The adjustment, made now or earlier with the same key",
        schema: Adjustment,
        headers: {
          "Idempotent-Replayed": "true: it was made earlier, with the same Idempotency-Key",
        },
      },
      problems: [404, 409, 422, 429],
      handle: Effect.fnUntraced(function* (input) {
        yield* neededIdempotencyKey(input.request)
        const { participant } = input.params
        return yield* act(input, {
          service: participant,
          action: "restock",
          target: `${participant} ${input.body.resource}`,
          path: "/internal/adjustments",
          body: input.body,
          schema: Adjustment,
        })
      }),
    })
  })

export const actionRoutes = (options: ActionOptions) =>
  Effect.map(
    Effect.all([sagaActions(options), letterActions(options), restock(options)]),
    ([sagas, letters, restock]) => [...sagas, ...letters, restock],
  )
