/**
 * Calls the system's public APIs. Answers are decoded by the contracts' schemas, so an answer of
 * another shape is an error. Every error is one line, with a remedy.
 */
import { Effect, Schema } from "effect"
import { printable } from "#shared/command/printable.ts"
import { ProblemDetails } from "#shared/http/problem.ts"

/** The API gave no answer, or refused the request, or its answer has another shape. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  message: Schema.String,
  /** Absent where there was no answer. */
  status: Schema.optionalKey(Schema.Int),
  /** The answer, where it was a problem of the API. */
  problem: Schema.optionalKey(ProblemDetails),
}) {}

/** A request: a POST with a body, a GET without. */
export interface Call<A> {
  readonly path: string
  readonly answer: Schema.Codec<A, unknown>
  readonly token?: string | undefined
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Longer than the API delays any answer. */
const timeoutMs = 45_000

/** Calls the API at a URL without a trailing slash. */
export const call = <A>(baseUrl: string, request: Call<A>): Effect.Effect<A, ApiError> =>
  Effect.gen(function* () {
    const { status, text } = yield* send(baseUrl, request)
    const what = nameOf(baseUrl, request)
    if (status < 200 || status > 299) return yield* refused(what, status, text)
    return yield* Effect.mapError(
      decodeJson(request.answer, text),
      ({ message }) =>
        new ApiError({
          status,
          message: `The answer to ${what} is not as documented (${
            printable(message.replace(/\s+/g, " "))
          })`,
        }),
    )
  })

/** Fails with the error that a non-2xx answer describes. */
export const refused = (
  what: string,
  status: number,
  text: string,
): Effect.Effect<never, ApiError> =>
  Effect.flatMap(Effect.option(decodeJson(ProblemDetails, text)), (problem) =>
    new ApiError(
      problem._tag === "Some"
        ? {
          status,
          problem: problem.value,
          message: `${what} was answered with ${status}: ${printable(problem.value.detail)}`,
        }
        : {
          status,
          message:
            `${what} was answered with ${status}, but not by Unwind: check the address, and that ` +
            "the system runs there",
        },
    ))

export const nameOf = (baseUrl: string, { path, body }: Pick<Call<unknown>, "path" | "body">) =>
  `${body === undefined ? "GET" : "POST"} ${baseUrl}${path}`

export const requestTo = (
  baseUrl: string,
  { path, token, query = {}, body, headers }: Omit<Call<unknown>, "answer">,
): Request => {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return new Request(`${baseUrl}${path}${parameters.size > 0 ? `?${parameters}` : ""}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

const send = (baseUrl: string, request: Call<unknown>) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(requestTo(baseUrl, request), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      return { status: response.status, text: await response.text() }
    },
    catch: (error) => unanswered(baseUrl, error),
  })

/** Why there was no answer, with a remedy where a person can do something. */
export const unanswered = (baseUrl: string, error: unknown): ApiError => {
  const { message, cause } = error as Error
  const { code = "" } = (cause ?? {}) as { readonly code?: string }
  return /certificate/i.test(message) || /CERT|SELF_SIGNED|VERIFY/.test(code)
    ? new ApiError({
      message: `The certificate of ${baseUrl} is not trusted: set NODE_EXTRA_CA_CERTS (on Deno, ` +
        "DENO_CERT) to a file with the certificate that signed it",
    })
    : new ApiError({ message: `No answer from ${baseUrl}` })
}

const decodeJson = <A>(schema: Schema.Codec<A, unknown>, text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text)
