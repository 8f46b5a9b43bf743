/**
 * Errors that a client sees: RFC 9457 problem details with a stable `code` to program against and
 * the remedy in `detail`. Internals (stacks, SQL, host names) never appear in one.
 */
import { Schema } from "effect"
import { answerHeaders } from "./answer-headers.ts"
import { problemType } from "./problem-codes.ts"

/** The wire format of an error (RFC 9457), for the OpenAPI description. */
export const ProblemDetails = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  code: Schema.String,
  requestId: Schema.String,
  state: Schema.optionalKey(Schema.String),
  errors: Schema.optionalKey(
    Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })),
  ),
}).annotate({ identifier: "Problem" })

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
}

/** An error as the client sees it. `code` is stable; `detail` says what happened and what to do. */
export class Problem extends Schema.TaggedError<Problem>()("Problem", {
  status: Schema.Int,
  code: Schema.String,
  detail: Schema.String,
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** With a 409: the state of the resource that prevents the change. */
  state: Schema.optionalKey(Schema.String),
  errors: Schema.optionalKey(
    Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })),
  ),
}) {}

/** The title, body and headers of a problem's answer. */
export const problemParts = (
  { status, code, detail, state, errors, headers }: Problem,
  requestId: string,
) => {
  const title = titles[status] ?? "Error"
  const type = problemType(code)
  return {
    title,
    body: JSON.stringify({ type, title, status, detail, code, requestId, state, errors }),
    headers: {
      "content-type": "application/problem+json",
      "x-request-id": requestId,
      ...answerHeaders,
      // RFC 9110 (15.5.2): a 401 names the scheme to authenticate with.
      ...(status === 401 && { "www-authenticate": "Bearer" }),
      ...headers,
    },
  }
}

/** The HTTP answer of a problem. */
export const problemResponse = (problem: Problem, requestId: string): Response => {
  const { body, headers } = problemParts(problem, requestId)
  return new Response(body, { status: problem.status, headers })
}

/**
 * A 503 to retry after a second: nothing was done, or the same Idempotency-Key makes the retry
 * safe.
 */
export const unavailable = (what: string): Problem =>
  new Problem({
    status: 503,
    code: "service_unavailable",
    detail: `${what} Nothing is lost; try again in a moment.`,
    headers: { "retry-after": "1" },
  })

export const unauthenticated = (detail: string): Problem =>
  new Problem({ status: 401, code: "unauthenticated", detail })

/** For input that is not an HTTP request. The gateway answers with the same text. */
export const malformedRequest = new Problem({
  status: 400,
  code: "invalid_request",
  detail: "Malformed request. Check its method, path and headers.",
})

export const internalError = new Problem({
  status: 500,
  code: "internal_error",
  detail: "The service met a defect. Try again; if it persists, report the requestId.",
})
