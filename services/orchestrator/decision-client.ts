/**
 * The decision register of the orders service, as waves call it: the decisions of all waves share
 * requests.
 */
import { Context, Effect, Layer } from "effect"
import {
  type Decided,
  type Decision,
  DecisionResponse,
  packed,
} from "#shared/contracts/decision.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { Sagas } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { answersTo, understood } from "./answers.ts"
import { Callees } from "./callees.ts"
import { type SharedCall, sharedCall } from "./shared-call.ts"

export class DecisionClient extends Context.Service<DecisionClient, {
  /** Records decisions and returns the current state for each. */
  readonly decide: Sagas["decide"]
}>()("unwind/orchestrator/DecisionClient") {}

const beforeDecide = failpoint("orchestrator.before decide")

const readResponse = understood(DecisionResponse)

const decisions: SharedCall<Decision, Decided> = {
  path: "/internal/decisions",
  request: packed,
  answers: answersTo({
    read: (name, response) =>
      Effect.map(readResponse(name, response), ({ decisions }) => decisions),
    entry: "decision",
    answer: "state",
  }),
}

export const decisionClientLayer = (
  options: { readonly url: URL; readonly timeoutMs: number },
): Layer.Layer<DecisionClient, never, Callees | ServiceSigner> =>
  Layer.effect(
    DecisionClient,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const callee = { name: "orders", token: signer.tokenFor("orders"), ...options }
      const decide = yield* sharedCall<Decision, Decided>(callee, decisions)
      return DecisionClient.of({ decide: (given) => Effect.andThen(beforeDecide, decide(given)) })
    }),
  )
