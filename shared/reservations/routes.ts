/**
 * How a participant reserves and cancels: POST /internal/reservations, for the orchestrator only.
 */
import { Effect } from "effect"
import { ReservationRequest, ReservationResponse } from "#shared/contracts/reservation.ts"
import { route } from "#shared/http/route.ts"
import { Reservations } from "./reservations.ts"

/** The route, over the participant's own reservations. */
export const reservationRoute = Effect.gen(function* () {
  const reservations = yield* Reservations
  return yield* route({
    method: "POST",
    path: "/internal/reservations",
    summary: "Reserve and cancel, a batch in one transaction, answered in order",
    body: { schema: ReservationRequest, maxBytes: 1024 * 1024 },
    answer: {
      status: 200,
      description: "The outcome of each command, in order",
      schema: ReservationResponse,
    },
    handle: ({ body }) =>
      Effect.map(reservations.apply(body.commands), (outcomes) => ({ body: { outcomes } })),
  })
})
