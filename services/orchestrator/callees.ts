/**
 * The state of the services that this one calls: each change is logged once. What only a person can
 * correct, a misconfiguration or answers that break the protocol, shows in `/readyz` and as a
 * metric until it is corrected. Waves retry without logging.
 */
import { Context, Effect, Layer, Metric } from "effect"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { steadyMs, steadyMsOf } from "#shared/steady-time.ts"
import { Misconfigured, OutcomeUnknown } from "#shared/transient.ts"

const misconfigured = (service: string) =>
  Metric.gauge("service_misconfigured", {
    description:
      "1 while the service answers 401, 403 or 404, refuses everything, or breaks the protocol",
    attributes: { service, unit: "{service}" },
  })

/**
 * Answers that break the protocol are reported until this long after the last one: a service that
 * answers in another sequence than it was asked still answers single entries correctly.
 */
const breachNamedForMs = 60_000

export type Watch = <A>(call: Effect.Effect<A, CallFailure>) => Effect.Effect<A, CallFailure>

export class Callees extends Context.Service<Callees, {
  /** Makes the function that watches the calls of one service. */
  readonly watch: (service: string) => Effect.Effect<Watch>
  /** Fails with the causes, by name, while a service is misconfigured. */
  readonly configured: Effect.Effect<void, { readonly message: string }>
}>()("unwind/orchestrator/Callees") {
  static readonly layer: Layer.Layer<Callees> = Layer.sync(Callees, () => {
    const wrong = new Map<string, string>()
    const watch = Effect.fnUntraced(function* (service: string) {
      const gauge = misconfigured(service)
      yield* Metric.update(gauge, 0)
      let state: "answers" | "away" | "misconfigured" = "answers"
      let breachNamedUntilMs = -Infinity
      const become = (now: typeof state, message: string, of?: OutcomeUnknown["breach"]) =>
        Effect.suspend(() => {
          if (now === "misconfigured") wrong.set(service, message)
          else wrong.delete(service)
          if (state === now) return Effect.void
          state = now
          const said = of === undefined ? [message] : [message, of]
          const log = now === "answers" ? Effect.logInfo(message) : Effect.logWarning(...said)
          return Effect.andThen(Metric.update(gauge, now === "misconfigured" ? 1 : 0), log)
        })
      const answersAgain = become("answers", `${service} answers again`)
      const answers = Effect.clockWith((clock) =>
        state === "answers" || steadyMsOf(clock) < breachNamedUntilMs ? Effect.void : answersAgain
      )
      const fails = Effect.fnUntraced(function* (failure: CallFailure) {
        // A refused entry is reported with its order.
        if (failure instanceof Refused) return
        const { message } = failure
        const breach = failure instanceof OutcomeUnknown ? failure.breach : undefined
        breachNamedUntilMs = breach ? (yield* steadyMs) + breachNamedForMs : -Infinity
        const isForAPerson = failure instanceof Misconfigured || breach !== undefined
        yield* become(isForAPerson ? "misconfigured" : "away", message, breach)
      })
      const watched: Watch = (call) => Effect.tapError(Effect.tap(call, () => answers), fails)
      return watched
    })
    return Callees.of({
      watch,
      configured: Effect.suspend(() =>
        wrong.size === 0 ? Effect.void : Effect.fail({ message: [...wrong.values()].join("; ") })
      ),
    })
  })
}
