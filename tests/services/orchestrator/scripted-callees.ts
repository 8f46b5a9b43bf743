/**
 * Participants and a register in memory that follow the protocol, and that hold, fail and refuse
 * requests when a test says so. They replace the clients that call the real ones.
 */
import { Deferred, Effect } from "effect"
import type { Participants } from "#services/orchestrator/participants.ts"
import type { DecisionClient } from "#services/orchestrator/decision-client.ts"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { Unavailable } from "#shared/transient.ts"

/** Such as "reserve billing" or "cancel items", or "decide" for the register. */
export type RequestKind = `${Command["action"]} ${ParticipantName}` | "decide"

export interface Asked {
  readonly kind: RequestKind
  readonly orderIds: ReadonlyArray<OrderId>
}

export interface Held extends Asked {
  /** Answers the request. */
  readonly answer: Effect.Effect<void>
}

export const isAway = new Unavailable({ message: "it cannot be reached" })

export const scriptedCallees = () => {
  const script = {
    /** Requests of these kinds wait in `held` until the test answers them. */
    holds: new Set<RequestKind>(),
    /** Requests of these kinds fail as a whole, or die of the defect. */
    fails: new Map<RequestKind, CallFailure | Error>(),
    /** Where the reservation of an order is rejected. */
    rejects: new Map<OrderId, ParticipantName>(),
    /** Where all commands of an order are refused. */
    poison: new Map<OrderId, ParticipantName>(),
    /** The orders' states in the register. Orders that are not here are pending. */
    statuses: new Map<OrderId, Decided["status"]>(),
    asked: [] as Array<Asked>,
    held: [] as Array<Held>,
    decisions: [] as Array<Decision>,
  }
  const arrive = Effect.fnUntraced(function* (asked: Asked) {
    script.asked.push(asked)
    if (script.holds.has(asked.kind)) {
      const answered = yield* Deferred.make<void>()
      const held = { ...asked, answer: Effect.asVoid(Deferred.succeed(answered, undefined)) }
      script.held.push(held)
      yield* Deferred.await(answered).pipe(
        Effect.ensuring(Effect.sync(() => script.held.splice(script.held.indexOf(held), 1))),
      )
    }
    const failure = script.fails.get(asked.kind)
    return failure instanceof Error && !("_tag" in failure) ? yield* Effect.die(failure) : failure
  })
  const send: Participants["Service"]["send"] = (at, commands) =>
    Effect.gen(function* () {
      const kind = `${commands[0]!.action} ${at}` as const
      const failure = yield* arrive({ kind, orderIds: commands.map(({ orderId }) => orderId) })
      return commands.map(({ orderId, action }) => {
        if (failure !== undefined) return failure as CallFailure
        if (script.poison.get(orderId) === at) return new Refused({ message: `${at} answered 400` })
        const isRejected = action === "reserve" && script.rejects.get(orderId) === at
        const done = action === "reserve" ? "reserved" : "cancelled"
        return { orderId, outcome: isRejected ? "rejected" : done } satisfies Outcome
      })
    })
  const decide: DecisionClient["Service"]["decide"] = (decisions) =>
    Effect.gen(function* () {
      const orderIds = decisions.map(({ orderId }) => orderId)
      const failure = yield* arrive({ kind: "decide", orderIds })
      if (failure !== undefined) return decisions.map(() => failure as CallFailure)
      script.decisions.push(...decisions)
      return decisions.map(({ orderId, decision }) => {
        const now = script.statuses.get(orderId) ?? "pending"
        const status = now === "pending" && decision === "complete"
          ? "completed"
          : now === "pending" && decision === "abort"
          ? "compensating"
          : now === "compensating" && decision === "settle"
          ? "failed"
          : now
        script.statuses.set(orderId, status)
        return { orderId, status }
      })
    })
  return Object.assign(script, { send, decide })
}
