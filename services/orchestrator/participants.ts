/**
 * The participants of the saga's table, as waves call them: the commands of all waves to one
 * participant share requests.
 */
import { Context, Effect, Layer } from "effect"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { type Command, type Outcome, ReservationResponse } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { Sagas } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { answersTo, understood } from "./answers.ts"
import { Callees } from "./callees.ts"
import { type SharedCall, sharedCall } from "./shared-call.ts"

export class Participants extends Context.Service<Participants, {
  /** Has a participant carry out commands of different orders, and returns the answer to each. */
  readonly send: Sagas["send"]
}>()("unwind/orchestrator/Participants") {}

export interface ParticipantsOptions {
  readonly urls: Readonly<Record<ParticipantName, URL>>
  readonly timeoutMs: number
}

const readResponse = understood(ReservationResponse)

/** How any caller asks a participant to reserve and cancel. */
export const reservations = {
  path: "/internal/reservations",
  request: (commands: ReadonlyArray<Command>) => ({ commands }),
  answers: answersTo<Command, Outcome>({
    read: (name, response) => Effect.map(readResponse(name, response), ({ outcomes }) => outcomes),
    entry: "command",
    answer: "outcome",
    faultOf: ({ action }, { outcome }) =>
      action === "reserve" || outcome === "cancelled"
        ? undefined
        : `answered a cancel with "${outcome}": the only answer to it is "cancelled"`,
  }),
  paragraph: "the-answer",
} as const satisfies SharedCall<Command, Outcome>

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
