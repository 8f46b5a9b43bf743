/**
 * The participants as a saga's steps call them. Commands of all sagas to one participant share requests by group commit;
 * each saga gets the answer to its own command, as a type: reserved, Rejected or Cancelled, or a Transient failure.
 */
import { Context, Effect, Layer, Option, Schema } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { type Command, type Outcome, ReservationResponse } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import { Cancelled, Rejected } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { type BatchedCall, batchedCall } from "./batched-call.ts"

export interface Participant {
  /** Takes the quantity of the resource. Fails with Rejected, Cancelled or a Transient error. */
  readonly reserve: (
    orderId: OrderId,
    resource: string,
    quantity: number,
  ) => Effect.Effect<void, Rejected | Cancelled | Transient>
  /** Gives it back, or keeps a late reserve of it out. Fails with a Transient error. */
  readonly cancel: (
    orderId: OrderId,
    resource: string,
    quantity: number,
  ) => Effect.Effect<void, Transient>
}

export class Participants extends Context.Service<Participants, {
  readonly billing: Participant
  readonly items: Participant
  readonly slots: Participant
}>()("unwind/orchestrator/Participants") {}

export interface ParticipantsOptions {
  readonly urls: { readonly billing: URL; readonly items: URL; readonly slots: URL }
  readonly timeoutMs: number
}

export const participantsLayer = ({ urls, timeoutMs }: ParticipantsOptions) =>
  Layer.effect(
    Participants,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const connect = (name: "billing" | "items" | "slots") =>
        Effect.map(
          batchedCall(
            { name, url: urls[name], token: signer.tokenFor(name), timeoutMs },
            reservations,
          ),
          (send) => participant(name, send),
        )
      return Participants.of({
        billing: yield* connect("billing"),
        items: yield* connect("items"),
        slots: yield* connect("slots"),
      })
    }),
  )

const decodeResponse = Schema.decodeUnknownOption(ReservationResponse)

const reservations: BatchedCall<Command, Outcome> = {
  path: "/internal/reservations",
  body: (commands) => ({ commands }),
  answers: (response) => Option.map(decodeResponse(response), ({ outcomes }) => outcomes),
}

type Send = (command: Command) => Effect.Effect<Outcome, Transient>

const beforeReserve = failpoint("orchestrator.before reserve")
const beforeCancel = failpoint("orchestrator.before cancel")
// Made once: an error takes its stack with it, which costs more than the whole step.
const rejected = Effect.fail(new Rejected())
const cancelled = Effect.fail(new Cancelled())

const participant = (name: string, send: Send): Participant => {
  const asReserve = reserveIn(name)
  const asCancel = cancelIn(name)
  return {
    reserve: (orderId, resource, quantity) =>
      Effect.flatMap(
        Effect.andThen(beforeReserve, send({ orderId, action: "reserve", resource, quantity })),
        asReserve,
      ),
    cancel: (orderId, resource, quantity) =>
      Effect.flatMap(
        Effect.andThen(beforeCancel, send({ orderId, action: "cancel", resource, quantity })),
        asCancel,
      ),
  }
}

const reserveIn =
  (name: string) => ({ outcome }: Outcome): Effect.Effect<void, Rejected | Cancelled> => {
    switch (outcome) {
      case "reserved":
        return Effect.void
      case "rejected":
        return rejected
      case "cancelled":
        return cancelled
      case "mismatch":
        return Effect.die(new Error(`${name} has another reservation on record for the same order`))
    }
  }

const cancelIn = (name: string) => ({ outcome }: Outcome): Effect.Effect<void> =>
  outcome === "cancelled"
    ? Effect.void
    : Effect.die(new Error(`${name} answered a cancel with ${outcome}`))
