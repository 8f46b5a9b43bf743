/**
 * The faults that operators inject here, where FAULTS=1: an orchestrator that crashes, and an order
 * queue that is lost.
 */
import { Effect, Schema } from "effect"
import { FaultReason, reasonExample, Wiped } from "#shared/contracts/faults.ts"
import { Crash } from "#shared/faults/crash.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { QueueDesk } from "#shared/queue/queue-desk.ts"
import { operatorDid } from "./operator-did.ts"
import { reached } from "./operator-routes.ts"

/** Lets the answer go out before the process ends. */
const answered = "100 millis"

export const faultRoutes = Effect.gen(function* () {
  const desk = yield* QueueDesk
  const crash = yield* Crash
  return yield* Effect.all([
    route({
      method: "POST",
      path: "/internal/kill",
      summary: "Crash this orchestrator: nothing is closed, finished or handed back",
      body: { schema: FaultReason, maxBytes: publicBodyBytes, example: reasonExample },
      answer: { status: 202, description: "It is about to crash", schema: Schema.Struct({}) },
      handle: Effect.fnUntraced(function* ({ body: { reason }, caller }) {
        yield* operatorDid("kill an orchestrator", caller.username, reason, {})
        yield* Effect.forkDetach(Effect.delay(crash, answered))
        return { body: {} }
      }),
    }),
    route({
      method: "POST",
      path: "/internal/queue/wipe",
      summary: "Lose the order queue: its entries, its consumers and its dead letters",
      body: { schema: FaultReason, maxBytes: publicBodyBytes, example: reasonExample },
      answer: { status: 200, description: "What was lost", schema: Wiped },
      handle: Effect.fnUntraced(function* ({ body: { reason }, caller }) {
        const wiped = yield* reached(desk.wipe)
        yield* operatorDid("wipe the queue", caller.username, reason, wiped)
        return { body: wiped }
      }),
    }),
  ])
})
