/** The decision register of the orders service, as the sagas call it; decisions of all sagas share requests. */
import { Context, Effect, Layer, Schema } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { type Decided, type Decision, DecisionResponse } from "#shared/contracts/decision.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { post } from "#shared/http/client.ts"
import type { SagaStatus } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { type Transient, Unknown } from "#shared/transient.ts"

export class Register extends Context.Service<Register, {
  /** Records a decision and answers with the state that holds now. Fails with a Transient error. */
  readonly decide: (decision: Decision) => Effect.Effect<SagaStatus, Transient>
}>()("unwind/orchestrator/Register") {}

const decodeResponse = Schema.decodeUnknownOption(DecisionResponse)

export const registerLayer = (options: { readonly url: URL; readonly timeoutMs: number }) =>
  Layer.effect(
    Register,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const callee = { name: "orders", token: signer.tokenFor("orders"), ...options }
      const send = yield* groupCommit<Decision, Decided, Transient>({
        max: maxBatch,
        workers: 2,
        run: Effect.fnUntraced(function* (decisions) {
          const response = yield* post(callee, "/internal/decisions", { decisions })
          const decoded = decodeResponse(response)
          if (decoded._tag === "Some" && decoded.value.decisions.length === decisions.length) {
            return decoded.value.decisions
          }
          return yield* new Unknown({ message: "orders answered what can not be understood" })
        }),
      })
      return Register.of({
        decide: (decision) => Effect.map(send(decision), ({ status }) => status),
      })
    }),
  )
