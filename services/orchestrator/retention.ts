/**
 * Makes the participants forget their records of old orders, every hour. Every orchestrator does
 * it; one finds done what another did. An order is forgotten only when the audit has just found it
 * final and sound. An order that is in question or still in flight is spared, whatever its age.
 */
import { Cause, Clock, Duration, Effect, Layer, Metric, Schedule, Stream } from "effect"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"
import {
  type ForgetRequest,
  ForgetResponse,
  maxForgotten,
  maxSpared,
} from "#shared/contracts/retention.ts"
import { type Callee, post } from "#shared/http/client.ts"
import { forgettableBefore } from "#shared/reservations/rules.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { OutcomeUnknown, type Transient } from "#shared/transient.ts"
import { saidIn, understood } from "./answers.ts"
import { Audit } from "./audit/audit.ts"
import type { ServiceUrls } from "./audit/records.ts"

export interface RetentionOptions {
  readonly urls: ServiceUrls
  readonly retention: Duration.Duration
  /** How long after its creation an undecided order is aborted. */
  readonly deadline: Duration.Duration
}

const sparedOrders = Metric.gauge("retention_spared_orders", {
  description: "Orders older than RETENTION whose records are kept: not final, or in question",
  attributes: { unit: "{order}" },
})
const forgottenBy = new Map<string, Metric.Counter<number>>(participantNames.map((participant) => [
  participant,
  Metric.counter("retention_forgotten_total", {
    description: "Records that participants have forgotten, by participant",
    incremental: true,
    attributes: { participant },
  }),
]))

/** Forgetting a thousand records may touch as many accounts. */
const timeoutMs = 20_000

/**
 * A hundred million records: a participant that forgets that many in an hour counts wrong, or can
 * go on in the next hour.
 */
const mostRequests = 100_000

/** Makes the participants forget until the scope closes. */
export const retentionLayer = (
  options: RetentionOptions,
): Layer.Layer<never, never, Audit | ServiceSigner> =>
  Layer.effectDiscard(Effect.gen(function* () {
    yield* fromTheStart([sparedOrders, ...forgottenBy.values()])
    yield* forgetOld(options).pipe(
      Effect.flatMap((spared) =>
        spared === 0 ? Effect.void : Effect.logWarning(
          `${spared} orders older than RETENTION are kept: they are not final, or in question`,
        )
      ),
      Effect.catch(({ message }) =>
        Effect.logWarning(`Old orders will be forgotten later: ${message}`)
      ),
      Effect.catchDefect((defect) => Effect.logError("Retention met a defect", Cause.die(defect))),
      Effect.repeat(Schedule.jittered(Schedule.spaced("1 hour"))),
      Effect.delay("1 minute"),
      Effect.forkScoped,
    )
  }))

/**
 * Makes the participants forget once; returns how many orders were spared. Fails with Unavailable
 * or OutcomeUnknown.
 */
export const forgetOld = Effect.fnUntraced(function* ({ urls, ...options }: RetentionOptions) {
  const signer = yield* ServiceSigner
  const request = yield* forgettable(options)
  // A participant that is away, or breaks the protocol, keeps none of the others from forgetting.
  const failures = yield* Effect.forEach(
    participantNames,
    (name) =>
      Effect.match(
        forgetAt({ name, url: urls[name], token: signer.tokenFor(name), timeoutMs }, request),
        { onSuccess: () => [], onFailure: (failure) => [failure] },
      ),
    { concurrency: "unbounded" },
  )
  const [failure] = failures.flat()
  if (failure !== undefined) return yield* Effect.fail(failure)
  yield* Metric.update(sparedOrders, request.except.length)
  return request.except.length
})

/** What may be forgotten by now. */
const forgettable = Effect.fnUntraced(
  function* ({ retention, deadline }: Omit<RetentionOptions, "urls">) {
    const audit = yield* Audit
    const nowMs = yield* Clock.currentTimeMillis
    const before = firstIdAt(Math.min(
      forgettableBefore(nowMs, Duration.toMillis(retention)),
      // The audit does not report younger orders that are not final.
      nowMs - Duration.toMillis(Duration.sum(deadline, Duration.days(1))),
    ))
    const { inFlight, inQuestion } = yield* Stream.runFold(
      audit.orders({ before }),
      (): Found => ({ inFlight: 0, inQuestion: [] }),
      (found, { inFlight, findings }) => ({
        inFlight: found.inFlight + inFlight,
        inQuestion: oldest([
          ...found.inQuestion,
          ...findings.flatMap(({ orderId }) => orderId === null ? [] : [orderId]),
        ]),
      }),
    )
    if (inFlight > 0) {
      return yield* new OutcomeUnknown({
        message: `the audit is not sure of ${inFlight} old orders`,
      })
    }
    return spare(before, inQuestion)
  },
)

interface Found {
  readonly inFlight: number
  /** The oldest ones, newest first: up to one more than can be spared. */
  readonly inQuestion: ReadonlyArray<OrderId>
}

const oldest = (orderIds: ReadonlyArray<OrderId>) => [...new Set(orderIds)].slice(-maxSpared - 1)

/** When there are too many to spare, forgetting stops before the first of them. */
const spare = (before: OrderId, inQuestion: ReadonlyArray<OrderId>): ForgetRequest => {
  const [first, ...others] = inQuestion
  return first !== undefined && others.length === maxSpared
    ? { before: first, except: others }
    : { before, except: inQuestion }
}

const forgetAt = (
  callee: Callee & { readonly name: ParticipantName },
  request: ForgetRequest,
): Effect.Effect<void, Transient> =>
  post(callee, "/internal/forget", request).pipe(
    Effect.flatMap((answer) => readResponse(callee.name, answer)),
    saidIn("retention"),
    Effect.tap(({ forgotten }) => Metric.update(forgottenBy.get(callee.name)!, forgotten)),
    Effect.repeat({ while: ({ forgotten }) => forgotten >= maxForgotten, times: mostRequests }),
    Effect.asVoid,
  )

const readResponse = understood(ForgetResponse)
