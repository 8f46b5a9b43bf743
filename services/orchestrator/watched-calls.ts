/**
 * The requests of waves to participants and register, as seen from outside: durations, outcomes and
 * spans.
 */
import { Effect, Metric } from "effect"
import { orderSaga, type ParticipantName } from "#shared/contracts/order-saga.ts"
import { type Command, Outcome } from "#shared/contracts/reservation.ts"
import { isFailure } from "#shared/saga/retry.ts"
import type { Answers, Sagas } from "#shared/saga/saga.ts"
import { steadyMs } from "#shared/steady-time.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { CurrentOrderSpans } from "./order-spans.ts"

type Action = Command["action"]

const unanswered = "unanswered"

const metricsOf = (step: string, action: Action) => ({
  duration: Metric.histogram("saga_step_duration_seconds", {
    description: "Time from a wave's request at a step to its answer, once for each attempt",
    boundaries: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    attributes: { step, action },
  }),
  attempts: new Map<string, Metric.Counter<number>>(
    [...Outcome.fields.outcome.literals, unanswered].map((outcome) => [
      outcome,
      Metric.counter("saga_step_attempts_total", {
        description: "Attempts of orders at a step, by outcome; unanswered ones are retried",
        incremental: true,
        attributes: { step, action, outcome },
      }),
    ]),
  ),
})

/** Cached for each step: building a metric's key costs more than recording a value. */
const steps = new Map(orderSaga.map(({ at, step }) => [
  at as ParticipantName,
  { step, reserve: metricsOf(step, "reserve"), cancel: metricsOf(step, "cancel") },
]))

const all = [...steps.values()].flatMap(({ reserve, cancel }) =>
  [reserve, cancel].flatMap(({ duration, attempts }) => [duration, ...attempts.values()])
)

/** Counts once for the whole request: counting for each order would lower the throughput. */
const count = (
  attempts: ReturnType<typeof metricsOf>["attempts"],
  answers: Answers<{ readonly outcome: string }>,
) => {
  const counts = new Map<string, number>()
  for (const answer of answers) {
    const outcome = isFailure(answer) ? unanswered : answer.outcome
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  }
  return Effect.forEach(
    counts,
    ([outcome, number]) => Metric.update(attempts.get(outcome)!, number),
    { discard: true },
  )
}

/** The same calls, with metrics and spans. Every metric exists from here on. */
export const watchedCalls = Effect.fnUntraced(
  function* ({ send, decide }: Pick<Sagas, "send" | "decide">) {
    yield* fromTheStart(all)
    const spans = yield* CurrentOrderSpans
    const watched: Pick<Sagas, "send" | "decide"> = {
      send: Effect.fnUntraced(function* (at, commands) {
        const { action } = commands[0]!
        const { step, [action]: metrics } = steps.get(at)!
        const startedAtMs = yield* steadyMs
        const asked = {
          name: `${action} ${step}`,
          attributes: { "saga.step": step, "saga.action": action, "saga.participant": at },
          outcome: ({ outcome }: { readonly outcome: string }) => outcome,
        }
        const answers = yield* spans.asking(commands, () => asked, send(at, commands))
        yield* Metric.update(metrics.duration, ((yield* steadyMs) - startedAtMs) / 1000)
        yield* count(metrics.attempts, answers)
        return answers
      }),
      decide: (decisions) =>
        spans.asking(decisions, ({ decision, reason }) => ({
          name: decision,
          attributes: { "saga.decision": decision, ...(reason && { "order.reason": reason }) },
          outcome: ({ status }) => status,
        }), decide(decisions)),
    }
    return watched
  },
)
