/** The client of the participants, whose requests a script answers. */
import { Participants, participantsLayer } from "#services/orchestrator/participants.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { built, type Conduct, json } from "./scripted-service.ts"

export const timeoutMs = 5_000

export const scriptedParticipants = built<Participants, Participants["Service"], Command>(
  Participants,
  participantsLayer({
    urls: forEachParticipant((name) => new URL(`http://${name}.test/`)),
    timeoutMs,
  }),
  ({ commands }: { readonly commands: ReadonlyArray<Command> }) => commands,
)

export const anId = (): OrderId => OrderId.make(crypto.randomUUID())

export const reserves = (count: number): ReadonlyArray<Command> =>
  Array.from({ length: count }, () => ({
    orderId: anId(),
    action: "reserve",
    resource: "1",
    quantity: 1,
  }))

export const answering = (outcome: Outcome["outcome"]): Conduct<Command> => (commands) =>
  json({ outcomes: commands.map(({ orderId }) => ({ orderId, outcome })) })

/** Accepts all requests except those with any of these commands, which get the status. */
export const refusing =
  (refused: ReadonlyArray<Command>, status = 400): Conduct<Command> => (commands, signal) => {
    const ids = new Set(refused.map(({ orderId }) => orderId))
    return commands.some(({ orderId }) => ids.has(orderId))
      ? json({ code: "bad_request" }, status)
      : answering("reserved")(commands, signal)
  }
