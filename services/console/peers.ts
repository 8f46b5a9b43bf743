/**
 * How the console asks the other services: each in its own time, so that one that is away or hangs keeps nobody from what the
 * others tell; and, for an operator, by the operator's own token beside its own.
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

/** The service cannot be asked now; the message is for operators. */
export class ServiceAway extends Schema.TaggedError<ServiceAway>()("ServiceAway", {
  service: Schema.String as Schema.Codec<PeerName>,
  message: Schema.String,
}) {}

/** What is sent, and the schema of what comes back. */
export interface Question<A> {
  readonly path: string
  readonly schema: Schema.Codec<A, unknown>
  /** JSON; with it, the question is a POST. */
  readonly body?: unknown
}

/** What an operator wants of a service. */
export interface Order<A> extends Question<A> {
  /** The operator's request, of which token and Idempotency-Key are handed on. */
  readonly request: Request
}

export class Peers extends Context.Service<Peers, {
  /** What a service shows. Fails with ServiceAway, or with the Problem that the service answers: there is no such thing. */
  readonly read: <A>(
    service: PeerName,
    question: Question<A>,
  ) => Effect.Effect<A, Problem | ServiceAway>
  /**
   * Has a service do something, and answers as it did. Fails with the service's own Problem, as it came; where it has none, with a 503 Problem:
   * `service_away` when nothing was done, `outcome_unknown` when it may have been.
   */
  readonly act: <A>(service: PeerName, order: Order<A>) => Effect.Effect<Reply<A>, Problem>
  /** Has auth keep something. Fails with a Problem or a Transient error. */
  readonly tell: (path: string, body: unknown) => Effect.Effect<void, Problem | Transient>
  /** Whether a service is ready. */
  readonly stateOf: (service: PeerName) => Effect.Effect<ServiceState>
  /** What a service measures, as Prometheus reads it. Fails with ServiceAway. */
  readonly metricsOf: (service: PeerName) => Effect.Effect<string, ServiceAway>
}>()("unwind/console/Peers") {}

/** Longer than orchestrators wait for each other, so that one that is silent does not make the others so. */
const readMs = 4_000
/** Whether a service is ready shows in how soon it says so, too. */
const readyMs = 2_000
/** An action waits for transactions, and may be one of many orders. */
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

/** What other services prove the operator by, and tell a repetition by. */
const handedOn = ({ headers }: Request): Readonly<Record<string, string>> => {
  const key = headers.get("idempotency-key")
  return {
    [operatorHeader]: headers.get("authorization") ?? "",
    ...(key !== null && { "idempotency-key": key }),
  }
}

/** What the operator is told of the answer. */
const handedBack = (headers: Granted["headers"]): Readonly<Record<string, string>> => {
  const replayed = headers.get("idempotent-replayed")
  return { ...(replayed !== null && { "idempotent-replayed": replayed }) }
}

/** The service answered what this console does not know. */
class OtherForm extends Schema.TaggedError<OtherForm>()("OtherForm", {
  message: Schema.String,
}) {}

const decoded = <A>({ path, schema }: Question<A>, body: unknown): Effect.Effect<A, OtherForm> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(body),
    () =>
      new OtherForm({
        message: `it answered ${path.split("?")[0]} in another form: check that both are of the ` +
          "same version",
      }),
  )

type Failure = Problem | Transient | OtherForm

/**
 * What participants do for operators is no part of what they have to do for orders: one that has no such route is not away, and
 * nothing is wrong.
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
    detail: `${service} does not offer this to operators, which participants need not. ` +
      "Look there, by its own means.",
  })

/** A Problem with what was asked for is an answer; with the service, or with its load, it is none. */
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
  const mayBeDone = error._tag === "Unknown" || error._tag === "OtherForm" ||
    (error._tag === "Unavailable" && error.status !== undefined)
  return mayBeDone
    ? new Problem({
      status: 503,
      code: "outcome_unknown",
      detail:
        `${service} was asked, but what came of it is not known: ${error.message}. Look, and ` +
        "do it again if it is not done; done twice, it changes nothing more.",
      headers: { "retry-after": "1" },
    })
    : serviceAway({ service, message: error.message })
}

/** What an operator is told who wants what only this service has. */
export const serviceAway = (
  { service, message }: Pick<ServiceAway, "service" | "message">,
): Problem =>
  new Problem({
    status: 503,
    code: "service_away",
    detail: `${service} cannot be asked: ${message}. Try again when it is there.`,
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
