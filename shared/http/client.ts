/**
 * Calls from service to service: JSON over HTTP with a token that the caller signs itself. A
 * failure status becomes Unavailable, Misconfigured or Refused; without an answer the outcome is
 * unknown. All but Refused are retried. None of them proves that nothing was done: a 503 may stand
 * for a commit whose own answer was lost.
 */
import { Cause, Context, Effect, Option, Schema } from "effect"
import { steadyMs } from "#shared/steady-time.ts"
import { Misconfigured, OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"
import { withinSpan } from "#shared/telemetry/trace.ts"
import { AnswerTooLarge, type HttpAnswer, maxAnswerBytes, nodeFetch } from "./node-fetch.ts"
import { PeerClocks } from "./peer-clocks.ts"
import { Problem, ProblemDetails } from "./problem.ts"
import { originHeaders } from "./request-origin.ts"
import { type Peer, UnresolvedPeers } from "./unresolved-peers.ts"

/** How requests leave the process: by sockets, or by the embedded run's wiring in memory. */
export const Fetch = Context.Reference<(url: string, init: RequestInit) => Promise<HttpAnswer>>(
  "unwind/http/Fetch",
  { defaultValue: () => nodeFetch },
)

/** A service as its caller knows it. The paths of requests are appended to the path of its URL. */
export interface Callee extends Peer {
  /** A token for the callee, fresh at every call; none for routes that anyone may call. */
  readonly token?: Effect.Effect<string>
  readonly timeoutMs: number
}

/** The callee refuses the request itself (400, 413, 422 and others), and will refuse it again. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  message: Schema.String,
}) {}

export type CallFailure = Transient | Refused

const notResolved = /ENOTFOUND|EAI_AGAIN|dns error/
const neverSent = new RegExp(
  `ECONNREFUSED|EHOSTUNREACH|UND_ERR_CONNECT|onnection refused|${notResolved.source}`,
)

/** Gets the JSON at a path, undecoded. Fails with a Transient error. */
export const get = (callee: Callee, path: string): Effect.Effect<unknown, Transient> =>
  triedAgain(call(callee, path, { method: "GET" }))

/** Posts JSON and returns the answer's JSON, undecoded. Fails with a Transient error. */
export const post = (
  callee: Callee,
  path: string,
  body: unknown,
): Effect.Effect<unknown, Transient> => triedAgain(postBatch(callee, path, body))

/**
 * Posts JSON and returns the answer's JSON, undecoded. Fails with a Transient error, or with
 * Refused.
 */
export const postBatch = (
  callee: Callee,
  path: string,
  body: unknown,
): Effect.Effect<unknown, CallFailure> =>
  call(callee, path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  })

/**
 * Makes a refusal transient, for callers that cannot handle it: the callee may be of another
 * version.
 */
const triedAgain = <A>(effect: Effect.Effect<A, CallFailure>) =>
  Effect.catchTag(effect, "Refused", ({ message }) => Effect.fail(new Unavailable({ message })))

export interface Sent {
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const call = (callee: Callee, path: string, request: Sent): Effect.Effect<unknown, CallFailure> =>
  within(
    callee,
    request,
    Effect.flatMap(
      exchange(callee, path, request),
      (answer) => answer.isSuccess ? jsonOf(callee, answer.text) : notDone(callee, answer),
    ),
  )

const within = <A, E>(
  { name }: Callee,
  { method }: Sent,
  effect: Effect.Effect<A, E>,
): Effect.Effect<A, E> => withinSpan(effect, `${method} ${name}`, { kind: "client" })

/** Keeps the path of the base URL, for a callee below a path of a shared host. */
const urlOf = ({ url: { origin, pathname } }: Callee, path: string) =>
  `${origin}${pathname.endsWith("/") ? pathname.slice(0, -1) : pathname}${path}`

export interface Exchanged {
  readonly status: number
  readonly isSuccess: boolean
  readonly headers: HttpAnswer["headers"]
  readonly text: string
}

/**
 * Sends a request and returns the answer, whatever its status. Fails with a Transient error if
 * there is none.
 */
export const exchange = Effect.fnUntraced(function* (
  callee: Callee,
  path: string,
  request: Sent,
): Effect.fn.Return<Exchanged, Transient> {
  const fetch = yield* Fetch
  const clocks = yield* PeerClocks
  const peers = yield* UnresolvedPeers
  const authorization = callee.token && { authorization: `Bearer ${yield* callee.token}` }
  const headers = { ...request.headers, ...(yield* originHeaders), ...authorization }
  const sentMs = yield* steadyMs
  const response = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(urlOf(callee, path), { ...request, headers, signal })
      return { status: response.status, headers: response.headers, text: await response.text() }
    },
    catch: (error) => callFailed(callee.name, error),
  }).pipe(
    Effect.timeout(callee.timeoutMs),
    Effect.catchIf(
      Cause.isTimeoutError,
      () =>
        Effect.fail(
          new OutcomeUnknown({
            message: `${callee.name} did not answer within ${callee.timeoutMs} ms`,
          }),
        ),
    ),
    Effect.tapError(({ message }) =>
      notResolved.test(message) ? peers.unresolved(callee) : Effect.void
    ),
  )
  yield* peers.answered(callee)
  const isSuccess = response.status >= 200 && response.status <= 299
  const date = response.headers.get("date")
  // A failure without a Date may come from an intermediary.
  if (isSuccess || date !== null) yield* clocks.heard(callee.name, date, sentMs)
  return { ...response, isSuccess }
})

/** How many characters of an answer that is not JSON are logged. */
const longestExcerpt = 100

const jsonOf = ({ name }: Callee, text: string) =>
  Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: () =>
      new OutcomeUnknown({
        message: `${name} answered with ${
          text === "" ? "an empty body" : "something other than JSON"
        }`,
        breach: { answer: text.slice(0, longestExcerpt) },
      }),
  })

/** A successful answer. */
export interface Granted {
  /** Its JSON, undecoded; undefined if it is empty. */
  readonly body: unknown
  readonly headers: HttpAnswer["headers"]
}

/**
 * Sends a request on behalf of somebody else, for whom the callee's own Problem is an answer, too.
 * Fails with that Problem, or with a Transient error if the callee does not answer, met a defect,
 * or does not let this service in.
 */
export const ask = (
  callee: Callee,
  path: string,
  request: Sent,
): Effect.Effect<Granted, Problem | Transient> =>
  within(
    callee,
    request,
    Effect.gen(function* () {
      const answer = yield* exchange(callee, path, request)
      const { headers, isSuccess, text } = answer
      if (!isSuccess) return yield* problemOf(answer) ?? triedAgain(notDone(callee, answer))
      return { body: text === "" ? undefined : yield* jsonOf(callee, text), headers }
    }),
  )

const decodeProblem = Schema.decodeUnknownOption(Schema.fromJsonString(ProblemDetails))

/** Problems that concern this service as a caller, not the request that it passes on. */
const ownCodes = ["unauthenticated", "forbidden", "not_found", "method_not_allowed"]

const problemOf = ({ status, headers, text }: Exchanged): Problem | undefined => {
  const details = Option.getOrUndefined(decodeProblem(text))
  if (details === undefined || status === 500 || ownCodes.includes(details.code)) return undefined
  const { code, detail, state, errors } = details
  const retryAfter = headers.get("retry-after")
  return new Problem({
    status,
    code,
    detail,
    ...(state !== undefined && { state }),
    ...(errors !== undefined && { errors }),
    ...(retryAfter !== null && { headers: { "retry-after": retryAfter } }),
  })
}

/** What to check when a callee does not let this service in. */
const misconfigurations: Readonly<Record<number, string>> = {
  401:
    "it does not know the caller's key: check SERVICE_PRIVATE_KEY here and SERVICE_PUBLIC_KEYS there",
  403: "it does not let this service in: check that both are of the same version",
  404: "it has no such route: check its address and its version",
}

/** Fails with the error that a failure status means. */
const notDone = Effect.fnUntraced(function* (
  { name }: Callee,
  { status }: Exchanged,
): Effect.fn.Return<never, CallFailure> {
  const message = `${name} answered ${status}`
  const wrong = misconfigurations[status]
  if (wrong !== undefined) {
    const wrongClock = (yield* (yield* PeerClocks).wrong).get(name)
    const orClock = status === 401 && wrongClock !== undefined ? `${wrongClock}, or ` : ""
    return yield* new Misconfigured({ message: `${message}: ${orClock}${wrong}`, status })
  }
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429
  return yield* isRefusal ? new Refused({ message }) : new Unavailable({ message, status })
})

const callFailed = (name: string, error: unknown): Transient => {
  if (error instanceof AnswerTooLarge) {
    const most = `${maxAnswerBytes / 1024 / 1024} MiB`
    return new OutcomeUnknown({ message: `${name} answered more than ${most}`, breach: {} })
  }
  const { cause, code, message } = error as NodeJS.ErrnoException & { cause?: Partial<Error> }
  const why = code ?? (cause as NodeJS.ErrnoException)?.code ?? cause?.message ?? message
  return neverSent.test(`${why} ${message}`)
    ? new Unavailable({ message: `${name} cannot be reached (${why})` })
    : new OutcomeUnknown({ message: `The connection to ${name} broke (${why})` })
}
