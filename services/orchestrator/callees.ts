/**
 * How the services stand that this one calls: each change is said once in the log, and a misconfiguration, which only a person
 * can mend, shows in `/readyz` and as a metric until it is mended. Waves try on without a word.
 */
import { Context, Effect, Layer, Metric } from "effect"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { Misconfigured } from "#shared/transient.ts"

const misconfigured = (service: string) =>
  Metric.gauge("service_misconfigured", {
    description: "1 while the service answers 401, 403 or 404 to this one, or refuses all it sends",
    attributes: { service, unit: "{service}" },
  })

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
      const become = (now: typeof state, message: string) =>
        Effect.suspend(() => {
          if (now === "misconfigured") wrong.set(service, message)
          else wrong.delete(service)
          if (state === now) return Effect.void
          state = now
          const log = now === "answers" ? Effect.logInfo(message) : Effect.logWarning(message)
          return Effect.andThen(Metric.update(gauge, now === "misconfigured" ? 1 : 0), log)
        })
      const answers = become("answers", `${service} answers again`)
      const fails = (failure: CallFailure) => {
        // What is wrong with one entry is said of its order.
        if (failure instanceof Refused) return Effect.void
        const { message } = failure
        return become(failure instanceof Misconfigured ? "misconfigured" : "away", message)
      }
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
