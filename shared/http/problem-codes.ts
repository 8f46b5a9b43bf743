/**
 * The catalogue of problems: each `code`, its cause, and what to do. Clients program against the
 * codes, so a published one keeps its meaning. The `type` of a problem (RFC 9457, 3.1.1) links to
 * its entry.
 */

interface CatalogueEntry {
  /** The HTTP status that it comes with, or all of them if there are several. */
  readonly status: number | ReadonlyArray<number>
  readonly cause: string
  /** What the client can do. */
  readonly remedy: string
}

export const problemCodes: Readonly<Record<string, CatalogueEntry>> = {
  account_not_found: {
    status: 404,
    cause: "The account does not exist, or belongs to somebody else.",
    remedy: "Ask for the username that you logged in with.",
  },
  action_differs: {
    status: 409,
    cause: "The audit trail already has another action under this id.",
    remedy: "Give each action an id of its own.",
  },
  below_zero: {
    status: 409,
    cause: "The adjustment would leave less than zero of the resource.",
    remedy: "Take away at most what `detail` says is left.",
  },
  body_too_large: {
    status: 413,
    cause: "The request body is larger than the route accepts.",
    remedy: "Send at most as many bytes as `detail` says.",
  },
  duplicate_field: {
    status: 400,
    cause: "A field of the JSON body appears more than once.",
    remedy: "Send each field once.",
  },
  duplicate_header: {
    status: 400,
    cause: "A header that may appear once appears more often.",
    remedy: "Send the header once.",
  },
  expectation_failed: {
    status: 417,
    cause: "The request has an `Expect` header other than `100-continue`.",
    remedy: "Send the request without it.",
  },
  fault_set: {
    status: 503,
    cause: "An operator set a fault on purpose (`FAULTS=1`), and the request met it.",
    remedy:
      "Try again after the time in `Retry-After`, or clear the fault on the console's page Faults.",
  },
  forbidden: {
    status: 403,
    cause: "The calling service is not among those that the route lets in.",
    remedy: "Check that both services are of the same version.",
  },
  headers_too_large: {
    status: 431,
    cause: "The request line and the headers exceed 16 KiB.",
    remedy: "Send fewer or shorter headers.",
  },
  http_version_not_supported: {
    status: 505,
    cause: "The request has a version of HTTP that is not supported.",
    remedy: "Use HTTP/1.1.",
  },
  idempotency_key_reused: {
    status: 422,
    cause: "The same `Idempotency-Key` was sent before with another body.",
    remedy:
      "Use a new key for a new request; repeat a request with the same key and the same body.",
  },
  internal_error: {
    status: 500,
    cause: "The service met a defect. The cause is in its log, under the `requestId`.",
    remedy: "Try again; report the `requestId` if it persists.",
  },
  invalid_host: {
    status: 400,
    cause: "The `Host` header is missing or is not a host and a port.",
    remedy: "Send the name of the service, once.",
  },
  invalid_path: {
    status: 400,
    cause: 'A segment of the path is "." or "..".',
    remedy: "Send the path without such segments.",
  },
  invalid_request: {
    status: 400,
    cause: "The request is not valid HTTP, or its body, query or path does not fit the schema.",
    remedy: "Correct the fields that `errors` names; `/docs` shows the schema of each route.",
  },
  malformed_json: {
    status: 400,
    cause: "The request body is not JSON in UTF-8.",
    remedy: "Send one JSON object.",
  },
  method_not_allowed: {
    status: 405,
    cause: "The path exists, but not for this method.",
    remedy: "Use one of the methods in the `Allow` header.",
  },
  not_found: {
    status: 404,
    cause: "Nothing is served at this path.",
    remedy: "`/docs` shows every path.",
  },
  not_implemented: {
    status: 501,
    cause: "The method is CONNECT, or the body has a transfer coding that is not supported.",
    remedy: "Send the body chunked, or with its length.",
  },
  not_offered: {
    status: 404,
    cause: "The participant has no routes for operators, which are optional.",
    remedy: "Look at its stock by its own tools.",
  },
  operator_unauthenticated: {
    status: 401,
    cause: "A service was asked for an action without a valid token of the operator who wants it.",
    remedy: "Send `Operator-Authorization: Bearer TOKEN`; the console does so by itself.",
  },
  operators_only: {
    status: 403,
    cause: "The user is not an operator.",
    remedy: "`npm run operators -- grant NAME` grants the role; it holds from the next log-in on.",
  },
  order_already_decided: {
    status: 409,
    cause: "The order is decided, so it cannot be cancelled. `state` is its status.",
    remedy: "Nothing was changed, and there is nothing to do.",
  },
  order_not_found: {
    status: 404,
    cause: "The order does not exist, or belongs to somebody else.",
    remedy: "`GET /api/orders/` lists your orders.",
  },
  orders_too_fast: {
    status: 429,
    cause: "The user places orders faster than the limit for each user.",
    remedy: "Send the same request again after the time in `Retry-After`. Nothing was stored.",
  },
  orders_unfinished: {
    status: 409,
    cause: "The account cannot be closed while its owner has orders that are not final.",
    remedy: "Wait until they are final, or cancel them, and try again.",
  },
  outcome_unknown: {
    status: 503,
    cause: "A service was asked for an operator's action, and its answer was lost.",
    remedy: "Check whether it is done, or ask again: a repeated action changes nothing more.",
  },
  overloaded: {
    status: 503,
    cause: "More requests wait than can be answered in reasonable time. Nothing was done.",
    remedy: "Send the same request again after the time in `Retry-After`.",
  },
  request_timeout: {
    status: 408,
    cause: "The request did not arrive in time.",
    remedy: "Send it again, all of it at once.",
  },
  resource_not_found: {
    status: 404,
    cause: "The participant has no such resource.",
    remedy: "The page Stock, or `npm run unwind -- stock`, lists its resources.",
  },
  service_away: {
    status: 503,
    cause: "A service that the console needs for this cannot be reached. Nothing was done.",
    remedy: "Try again when the service is back; the page Health shows it.",
  },
  service_unavailable: {
    status: 503,
    cause: "A part of the system cannot be reached, or the service is stopping.",
    remedy:
      "Try again in a moment; repeat orders with the same `Idempotency-Key`. Nothing is lost.",
  },
  session_not_found: {
    status: 404,
    cause: "The user has no session with this id, or no longer has it.",
    remedy: "`GET /api/auth/sessions/` lists them.",
  },
  too_many_attempts: {
    status: 429,
    cause: "Too many log-ins failed for this name or from this network.",
    remedy: "Try again after the time in `Retry-After`.",
  },
  too_many_connections: {
    status: 429,
    cause: "One address has too many connections open.",
    remedy: "Use fewer connections, and reuse them.",
  },
  too_many_requests: {
    status: 429,
    cause: "One address, or one operator, sends too many requests at a time.",
    remedy: "Send fewer, and repeat this one in a moment. Nothing is lost.",
  },
  too_many_sign_ups: {
    status: 429,
    cause: "Too many accounts were opened lately, from this network or altogether.",
    remedy: "Try again after the time in `Retry-After`.",
  },
  too_many_streams: {
    status: [429, 503],
    cause: "Too many event streams are open, of this user (429) or altogether (503).",
    remedy: "Close some, or poll the order itself.",
  },
  too_many_unfinished_orders: {
    status: 429,
    cause: "The user has as many unfinished orders as one user may have.",
    remedy: "Send the same request again when some of them are final. Nothing was stored.",
  },
  too_many_waits: {
    status: 429,
    cause: "The user already waits for as many orders (`Prefer: wait`) as one user may.",
    remedy: "Send the request without `Prefer`, or a little later.",
  },
  too_much: {
    status: 409,
    cause: "The adjustment would make more of the resource than can be counted exactly.",
    remedy: "Add at most what `detail` says.",
  },
  trail_unavailable: {
    status: 503,
    cause: "The audit trail cannot be written, so the operator's action was not done.",
    remedy: "Try again when auth is back.",
  },
  unauthenticated: {
    status: 401,
    cause: "The token is missing, wrong, expired, or its session has ended.",
    remedy: "Log in: `POST /api/token/`, or use the refresh token.",
  },
  unsupported_media_type: {
    status: 415,
    cause: "The body is not declared as JSON.",
    remedy: "Send `Content-Type: application/json`.",
  },
  username_taken: {
    status: 409,
    cause: "The username is taken, or can be mistaken for one that is.",
    remedy: "Choose another one, or log in if it is yours.",
  },
  wrong_credentials: {
    status: 401,
    cause: "No user has this username and password.",
    remedy: "Check both, or sign up: `POST /api/auth/users/`.",
  },
  wrong_password: {
    status: 403,
    cause: "The current password that was sent is wrong. Nothing was changed.",
    remedy: "Send the password that you log in with.",
  },
}

/** The `type` of a problem: where its entry is shown, behind the gateway. */
export const problemType = (code: string): string => `/docs/problems#${code}`

const statusesOf = ({ status }: CatalogueEntry): ReadonlyArray<number> =>
  typeof status === "number" ? [status] : status

/** The whole catalogue, by code: what the page shows of each. */
export const catalogue = Object.entries(problemCodes).map(([code, entry]) => ({
  ...entry,
  code,
  statuses: statusesOf(entry),
}))
