/** The decision register of the orders service, as the sagas call it; decisions of all sagas share requests. */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { type Decided, type Decision, DecisionResponse } from "#shared/contracts/decision.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { SagaStatus } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { batchedCall } from "./batched-call.ts"

export class Register extends Context.Service<Register, {
  /** Records a decision and answers with the state that holds now. Fails with a Transient error. */
  readonly decide: (decision: Decision) => Effect.Effect<SagaStatus, Transient>
}>()("unwind/orchestrator/Register") {}

const beforeDecide = failpoint("orchestrator.before decide")

const decodeResponse = Schema.decodeUnknownOption(DecisionResponse)

export const registerLayer = (options: { readonly url: URL; readonly timeoutMs: number }) =>
  Layer.effect(
    Register,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const callee = { name: "orders", token: signer.tokenFor("orders"), ...options }
      const send = yield* batchedCall<Decision, Decided>(callee, {
        path: "/internal/decisions",
        body: (decisions) => ({ decisions }),
        answers: (response) => Option.map(decodeResponse(response), ({ decisions }) => decisions),
      })
      return Register.of({
        decide: (decision) =>
          beforeDecide.pipe(
            Effect.andThen(() => send(decision)),
            Effect.map(({ status }) => status),
          ),
      })
    }),
  )
