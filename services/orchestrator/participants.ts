/** The participants of the saga's table, as waves call them: commands of all waves to one participant share requests. */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { type Command, type Outcome, ReservationResponse } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { Sagas } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { Callees } from "./callees.ts"
import { type SharedCall, sharedCall } from "./shared-call.ts"

export class Participants extends Context.Service<Participants, {
  /** Has a participant carry out commands of different orders, and gives what became of each. */
  readonly send: Sagas["send"]
}>()("unwind/orchestrator/Participants") {}

export interface ParticipantsOptions {
  readonly urls: Readonly<Record<ParticipantName, URL>>
  readonly timeoutMs: number
}

const decodeResponse = Schema.decodeUnknownOption(ReservationResponse)

const reservations: SharedCall<Command, Outcome> = {
  path: "/internal/reservations",
  request: (commands) => ({ commands }),
  answers: (response) => Option.map(decodeResponse(response), ({ outcomes }) => outcomes),
}

const before = {
  reserve: failpoint("orchestrator.before reserve"),
  cancel: failpoint("orchestrator.before cancel"),
}

export const participantsLayer = (
  { urls, timeoutMs }: ParticipantsOptions,
): Layer.Layer<Participants, never, Callees | ServiceSigner> =>
  Layer.effect(
    Participants,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const calls = yield* Effect.all(
        Object.fromEntries(participantNames.map((name) => [
          name,
          sharedCall<Command, Outcome>(
            { name, url: urls[name], token: signer.tokenFor(name), timeoutMs },
            reservations,
          ),
        ])),
      )
      return Participants.of({
        send: (at, commands) => Effect.andThen(before[commands[0]!.action], calls[at]!(commands)),
      })
    }),
  )
