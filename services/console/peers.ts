/**
 * How the console calls the other services. Each call has its own timeout, so a service that hangs
 * does not hold up the answers of the others. Actions carry the operator's token beside the
 * console's own.
 */
import { Context, Effect, Layer, Option, Schema } from "effect"
import type { ServiceState } from "#shared/contracts/console.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { ask, type Callee, exchange, type Exchanged, type Granted } from "#shared/http/client.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Reply } from "#shared/http/route.ts"
import type { CalleeOf } from "#shared/roster.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"

export type PeerName = CalleeOf<"console">

/** The service is unavailable. The message is for operators. */
export class ServiceAway extends Schema.TaggedError<ServiceAway>()("ServiceAway", {
  service: Schema.String as Schema.Codec<PeerName>,
  message: Schema.String,
}) {}

/** What is sent, and the schema of the answer. */
export interface Question<A> {
  readonly path: string
  readonly schema: Schema.Codec<A, unknown>
  /** JSON; with a body, the request is a POST. */
  readonly body?: unknown
}

/** An action of an operator at a service. */
export interface OrderOf<A> extends Question<A> {
  /** The operator's request, whose token and Idempotency-Key are forwarded. */
  readonly request: Request
}

export class Peers extends Context.Service<Peers, {
  /** Reads from a service. Fails with ServiceAway, or with the service's Problem, such as a 404. */
  readonly read: <A>(
    service: PeerName,
    question: Question<A>,
  ) => Effect.Effect<A, Problem | ServiceAway>
  /**
   * Performs an action at a service. Fails with the service's own Problem, unchanged; without one,
   * with a 503 Problem: `service_away` when nothing was done, `outcome_unknown` when the action may
   * have been done.
   */
  readonly act: <A>(service: PeerName, order: OrderOf<A>) => Effect.Effect<Reply<A>, Problem>
  /** Has auth store something. Fails with a Problem or a Transient error. */
  readonly tell: (path: string, body: unknown) => Effect.Effect<void, Problem | Transient>
  /** Whether a service is ready. Never fails. */
  readonly stateOf: (service: PeerName) => Effect.Effect<ServiceState>
  /** A service's metrics in Prometheus' text format. Fails with ServiceAway. */
  readonly metricsOf: (service: PeerName) => Effect.Effect<string, ServiceAway>
}>()("unwind/console/Peers") {}

/**
 * Longer than orchestrators wait for each other, so that one that hangs does not hide the others'
 * answers.
 */
const readMs = 4_000
/** A service that needs longer to answer is not ready. */
const readyMs = 2_000
/** An action waits for transactions, and can concern many orders. */
const actMs = 20_000

export const peersLayer = (
  addresses: Readonly<Record<PeerName, URL>>,
): Layer.Layer<Peers, never, ServiceSigner> =>
  Layer.effect(
    Peers,
    Effect.map(ServiceSigner, ({ tokenFor }) => {
      const unproved = (name: PeerName, timeoutMs: number): Callee => ({
        name,
        url: addresses[name],
        timeoutMs,
      })
      const callee = (name: PeerName, timeoutMs: number): Callee => ({
        ...unproved(name, timeoutMs),
        token: tokenFor(name),
      })
      return Peers.of({
        read: (service, question) =>
          ask(callee(service, readMs), question.path, sentOf(question)).pipe(
            Effect.flatMap(({ body }) => decoded(question, body)),
            Effect.mapError((error) => awayUnlessAnswer(service, error)),
          ),
        act: (service, order) =>
          ask(callee(service, actMs), order.path, sentOf(order, handedOn(order.request))).pipe(
            Effect.flatMap(({ body, headers }) =>
              Effect.map(decoded(order, body), (body) => ({ body, headers: handedBack(headers) }))
            ),
            Effect.mapError((error) => notDone(service, error)),
          ),
        tell: (path, body) => Effect.asVoid(ask(callee("auth", readMs), path, sentOf({ body }))),
        stateOf: (service) =>
          exchange(unproved(service, readyMs), "/readyz", { method: "GET" }).pipe(
            Effect.match({
              onSuccess: (answer) => stateIn(service, answer),
              onFailure: ({ message }): ServiceState => ({
                service,
                state: "unreachable",
                message,
              }),
            }),
          ),
        metricsOf: (service) =>
          exchange(unproved(service, readyMs), "/metrics", { method: "GET" }).pipe(
            Effect.mapError(({ message }) => new ServiceAway({ service, message })),
            Effect.filterOrFail(
              ({ isSuccess }) => isSuccess,
              ({ status }) =>
                new ServiceAway({ service, message: `${service} answered ${status}` }),
            ),
            Effect.map(({ text }) => text),
          ),
      })
    }),
  )

const sentOf = (
  { body }: { readonly body?: unknown },
  headers: Readonly<Record<string, string>> = {},
) =>
  body === undefined ? { method: "GET", headers } : {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  }

/** The headers by which a service identifies the operator and a repeated request. */
const handedOn = ({ headers }: Request): Readonly<Record<string, string>> => {
  const key = headers.get("idempotency-key")
  return {
    [operatorHeader]: headers.get("authorization") ?? "",
    ...(key !== null && { "idempotency-key": key }),
  }
}

/** The headers of the answer that the operator gets. */
const handedBack = (headers: Granted["headers"]): Readonly<Record<string, string>> => {
  const replayed = headers.get("idempotent-replayed")
  return { ...(replayed !== null && { "idempotent-replayed": replayed }) }
}

/** The answer does not match the console's schema. */
class OtherForm extends Schema.TaggedError<OtherForm>()("OtherForm", {
  message: Schema.String,
}) {}

const decoded = <A>({ path, schema }: Question<A>, body: unknown): Effect.Effect<A, OtherForm> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(body),
    () =>
      new OtherForm({
        message: `its answer to ${path.split("?")[0]} has an unexpected shape. Check that the ` +
          "service and the console have the same version",
      }),
  )

type Failure = Problem | Transient | OtherForm

/**
 * The routes for operators are optional for participants: one that lacks them is not unavailable,
 * and nothing is wrong.
 */
const isNotOffered = (service: PeerName, error: Failure): boolean =>
  error._tag === "Misconfigured" && error.status === 404 &&
  participantNames.some((name) => name === service)

/** The code of the problem with what a participant does not offer. */
export const notOfferedCode = "not_offered"

const notOffered = (service: PeerName): Problem =>
  new Problem({
    status: 404,
    code: notOfferedCode,
    detail: `${service} does not offer this to operators, which is optional for participants. ` +
      "Use its own tools.",
  })

/** A 4xx Problem is the answer. A 5xx or a 429 means that the service is unavailable. */
const awayUnlessAnswer = (service: PeerName, error: Failure): Problem | ServiceAway =>
  isNotOffered(service, error)
    ? notOffered(service)
    : !(error instanceof Problem)
    ? new ServiceAway({ service, message: error.message })
    : error.status < 500 && error.status !== 429
    ? error
    : new ServiceAway({ service, message: `${service} answered ${error.status}: ${error.detail}` })

const notDone = (service: PeerName, error: Failure): Problem => {
  if (error instanceof Problem) return error
  if (isNotOffered(service, error)) return notOffered(service)
  const mayBeDone = error._tag === "OutcomeUnknown" || error._tag === "OtherForm" ||
    (error._tag === "Unavailable" && error.status !== undefined)
  return mayBeDone
    ? new Problem({
      status: 503,
      code: "outcome_unknown",
      detail:
        `It is unknown whether ${service} did this: ${error.message}. Check, and repeat it if it ` +
        "was not done. Repeating it is safe.",
      headers: { "retry-after": "1" },
    })
    : serviceAway({ service, message: error.message })
}

/** The Problem of a request that only this service can answer. */
export const serviceAway = (
  { service, message }: Pick<ServiceAway, "service" | "message">,
): Problem =>
  new Problem({
    status: 503,
    code: "service_away",
    detail: `${service} is unavailable: ${message}. Try again when it is back.`,
    headers: { "retry-after": "1" },
  })

const Readiness = Schema.fromJsonString(Schema.Struct({
  status: Schema.String,
  checks: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
}))
const decodeReadiness = Schema.decodeUnknownOption(Readiness)

const stateIn = (service: PeerName, { isSuccess, status, text }: Exchanged): ServiceState => {
  const told = Option.getOrUndefined(decodeReadiness(text))
  const wrong = Object.entries(told?.checks ?? {})
    .filter(([, state]) => state !== "ok")
    .map(([what, state]) => `${what}: ${state}`)
    .join("; ")
  if (isSuccess) {
    return { service, state: "ready", ...(wrong !== "" && { message: wrong }) }
  }
  const message = wrong || (told?.status ?? `it answered ${status}`)
  return { service, state: "not ready", message }
}
