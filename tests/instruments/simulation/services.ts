/**
 * The services in the simulation: the real intake, register and sweeper of orders, the real
 * orchestrator and the real participants. Each uses the simulated tables, queue and network.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { Callees } from "#services/orchestrator/callees.ts"
import { consumerLayer } from "#services/orchestrator/consumer.ts"
import { participantsLayer } from "#services/orchestrator/participants.ts"
import { decisionClientLayer } from "#services/orchestrator/decision-client.ts"
import { Admission, admissionLayer } from "#services/orders/admission.ts"
import { Cancellation } from "#services/orders/cancellation.ts"
import { Intake, intakeLayer, type Placement } from "#services/orders/intake.ts"
import { LookUps } from "#services/orders/look-ups.ts"
import type { Order } from "#services/orders/order.ts"
import { OrderStore, type OrderTable } from "#services/orders/order-table.ts"
import { publisherLayer } from "#services/orders/publisher.ts"
import { Register } from "#services/orders/register.ts"
import { sweeperLayer } from "#services/orders/sweeper.ts"
import { Waits } from "#services/orders/wait.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { type DecisionRequest, unpacked } from "#shared/contracts/decision.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Store } from "#shared/postgres/store.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { Adjustments, type Wanted } from "#shared/reservations/adjustments.ts"
import {
  ReservationStore,
  type ReservationTables,
} from "#shared/reservations/reservation-tables.ts"
import { Reservations, reservationsLayer } from "#shared/reservations/reservations.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { noChanges } from "./no-changes.ts"
import type { Answer } from "./network.ts"
import { type Plan } from "./plan.ts"
import { isPoison } from "./wish.ts"

export {
  type ParticipantName,
  participantNames as participants,
} from "#shared/contracts/order-saga.ts"
export const refusals = forEachParticipant((_, { refusal }) => refusal)
/** The step of each participant. */
export const stepAt = forEachParticipant((_, { step }) => step)

export type Serve = (path: string, body: unknown) => Effect.Effect<Answer>

/** The answer to a call, like that of the real routes. */
const answered = <A>(
  effect: Effect.Effect<A, { readonly _tag: string; readonly status?: number }>,
  bodyOf: (value: A) => unknown,
): Effect.Effect<Answer> =>
  Effect.match(effect, {
    onSuccess: (value) => ({ status: 200, body: bodyOf(value) }),
    onFailure: (error) => ({ status: error instanceof Problem ? error.status : 503, body: {} }),
  })

export const participantLayers = (store: Store<ReservationTables>) =>
  Layer.merge(reservationsLayer(Duration.days(30)), Adjustments.layer).pipe(
    Layer.provide(Layer.succeed(ReservationStore, store)),
  )

export const serveParticipant = (
  context: Context.Context<Reservations | Adjustments>,
): Serve => {
  const { apply } = Context.get(context, Reservations)
  const { adjust } = Context.get(context, Adjustments)
  return (path, body) =>
    path === "/internal/adjustments"
      ? answered(adjust(body as Wanted), ({ adjustment }) => adjustment)
      : answered(
        apply((body as { commands: ReadonlyArray<Command> }).commands),
        (outcomes) => ({ outcomes }),
      )
}

const republishAfterMs = 15_000
const fewOrders = 3

export const ordersLayers = (
  store: Store<OrderTable>,
  queue: OrderQueue["Service"],
  randomBytes: (size: number) => Uint8Array,
  { wishes }: Pick<Plan, "wishes">,
) =>
  Layer.mergeAll(
    intakeLayer({ republishAfterMs }).pipe(
      Layer.provideMerge(admissionLayer({
        most: 1_000,
        // Low, so that orders meet it. Orders that only a person can help do not lock a user out.
        mostOfUser: fewOrders + wishes.filter(isPoison).length,
        perSecond: fewOrders,
      })),
      Layer.provide([
        publisherLayer({ republishAfterMs }),
        Layer.succeed(SecureRandom.SecureRandom, SecureRandom.make(randomBytes)),
      ]),
    ),
    sweeperLayer({ republishAfterMs }),
    Cancellation.layer.pipe(Layer.provideMerge(Register.layer)),
  ).pipe(
    Layer.provideMerge(Waits.layer),
    Layer.provideMerge(LookUps.layer),
    // Nobody waits for changes in a simulation: customers poll.
    Layer.provide([
      Layer.succeed(OrderStore, store),
      Layer.succeed(OrderQueue, queue),
      noChanges,
    ]),
  )

export const serveOrders = (
  context: Context.Context<Admission | Cancellation | Intake | LookUps | Register>,
): Serve => {
  const intake = Context.get(context, Intake)
  const { permit: permitOf } = Context.get(context, Admission)
  const lookUps = Context.get(context, LookUps)
  const register = Context.get(context, Register)
  const { cancel, cancelAny } = Context.get(context, Cancellation)
  // Like the route.
  const place = (wanted: Omit<Placement, "permit">) => {
    const permit = permitOf(wanted.username, wanted.idempotencyKey)
    return Effect.ensuring(
      Effect.andThen(permit.enter, intake.place({ ...wanted, permit })),
      Effect.sync(permit.leave),
    )
  }
  return (path, body) => {
    switch (path) {
      case "/internal/decisions":
        return answered(
          register.decide(unpacked(body as DecisionRequest)),
          (decisions) => ({ decisions }),
        )
      case "/place":
        return answered(place(body as Omit<Placement, "permit">), ({ order: { id, status } }) => ({
          id,
          status,
        }))
      case "/cancel by customer":
      case "/cancel by operator": {
        const { username, id } = body as { username: string; id: OrderId }
        const cancelling: Effect.Effect<{ readonly order: Order }, Problem | Transient> =
          path === "/cancel by operator" ? cancelAny(id) : cancel(username, id)
        return answered(Effect.map(cancelling, ({ order }) => order), ({ status, reason }) => ({
          id,
          status,
          reason,
        }))
      }
      default: {
        const { username, id } = body as { username: string; id: string }
        return answered(
          lookUps.find(username, id),
          ({ status, reason }) => ({ id, status, reason }),
        )
      }
    }
  }
}

const unsigned = Layer.succeed(ServiceSigner, { tokenFor: () => Effect.succeed("") })
/** How long an orchestrator waits for an answer. */
export const callTimeoutMs = 5_000
const urlOf = (name: string) => new URL(`http://${name}`)

export const orchestratorLayers = (
  queue: OrderQueue["Service"],
  { deadlineMs, sagasInFlight = 2_000, drainMs = 4_000 }: Plan,
) =>
  consumerLayer({ deadlineMs, sagasInFlight, drainMs }).pipe(
    Layer.provide([
      participantsLayer({
        urls: forEachParticipant(urlOf),
        timeoutMs: callTimeoutMs,
      }),
      decisionClientLayer({ url: urlOf("orders"), timeoutMs: callTimeoutMs }),
    ]),
    Layer.provide([Callees.layer, unsigned, Layer.succeed(OrderQueue, queue)]),
  )
