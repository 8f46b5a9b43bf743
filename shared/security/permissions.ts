/**
 * Who may call which route: one row for each. Guards are made from this table, the OpenAPI
 * documents show it, and a test tries every route of every service with every kind of caller. A
 * route without a row does not compile.
 */
import type { ServiceName } from "#shared/roster.ts"

/**
 * Anyone; any user with an access token; the named services; or anyone inside, where no gateway
 * leads: for public data that services may read without a key of their own.
 *
 * Operators are users with a role. They show the console their access tokens, as every user does
 * ("signed-in operator"). What the console then asks of another service ("operator") takes two
 * proofs: that the console asks (Authorization), and which operator wants it
 * (Operator-Authorization). So neither an operator's stolen token nor the console alone suffices.
 */
export type Permission =
  | "anyone"
  | "anyone inside"
  | "user"
  | "signed-in operator"
  | "operator"
  | readonly [ServiceName, ...ReadonlyArray<ServiceName>]

/** The rows, by the method and path of the route. */
export const permissions = {
  "POST /api/auth/users/": "anyone",
  "GET /api/auth/users/me/": "user",
  "POST /api/token/": "anyone",
  "POST /api/token/refresh/": "anyone",
  "POST /api/token/verify/": "anyone",
  "GET /.well-known/jwks.json": "anyone",
  // The ids of ended sessions are not secret.
  "GET /internal/jwks.json": "anyone inside",
  "POST /api/token/logout/": "anyone",
  // By a single-use token, on the machine that printed it.
  "POST /api/token/first-operator/": "anyone",
  "GET /api/auth/sessions/": "user",
  "DELETE /api/auth/sessions/": "user",
  "DELETE /api/auth/sessions/:id/": "user",
  "POST /api/auth/users/me/password/": "user",
  "POST /api/auth/users/me/delete/": "user",
  "POST /internal/trail": ["console"],

  "GET /api/accounts/:username": "user",
  "POST /api/profiles/": ["auth"],
  "POST /internal/accounts/erase": ["auth"],

  "POST /api/orders/": "user",
  "GET /api/orders/": "user",
  "GET /api/orders/:id": "user",
  "GET /api/orders/:id/events": "user",
  "POST /api/orders/:id/cancel": "user",
  "POST /internal/decisions": ["orchestrator"],
  "GET /internal/orders": ["orchestrator"],
  "GET /internal/orders/unfinished": ["orchestrator"],
  "GET /internal/users/unfinished": ["auth"],
  "GET /internal/order-search": ["console"],
  "GET /internal/order-search/:id": ["console"],
  "GET /internal/order-counts": ["console"],
  "POST /internal/orders/:id/cancel": "operator",

  "GET /api/console/me": "signed-in operator",
  "GET /api/console/overview": "signed-in operator",
  "GET /api/console/events": "signed-in operator",
  "GET /api/console/orders": "signed-in operator",
  "GET /api/console/orders/:id": "signed-in operator",
  "GET /api/console/orders/:id/events": "signed-in operator",
  "GET /api/console/stuck": "signed-in operator",
  "GET /api/console/sagas": "signed-in operator",
  "GET /api/console/queue": "signed-in operator",
  "GET /api/console/dead-letters": "signed-in operator",
  "GET /api/console/audit": "signed-in operator",
  "GET /api/console/stock/:participant": "signed-in operator",
  "GET /api/console/stock/:participant/adjustments": "signed-in operator",
  "POST /api/console/orders/:id/cancel": "signed-in operator",
  "POST /api/console/retry": "signed-in operator",
  "POST /api/console/dead-letters/redrive": "signed-in operator",
  "POST /api/console/dead-letters/discard": "signed-in operator",
  "POST /api/console/stock/:participant/adjustments": "signed-in operator",
  "POST /api/console/audit/heal": "signed-in operator",
  // Only with FAULTS=1, like everything that breaks something on purpose.
  "GET /api/console/faults": "signed-in operator",
  "POST /api/console/faults/:service": "signed-in operator",
  "POST /api/console/orchestrator/kill": "signed-in operator",
  "POST /api/console/queue/wipe": "signed-in operator",

  // Of the orchestrator.
  "GET /internal/stuck": ["console"],
  "GET /internal/sagas": ["console"],
  "GET /internal/sagas/:id": ["console"],
  "POST /internal/sagas/retry": "operator",
  "GET /internal/queue": ["console"],
  "GET /internal/dead-letters": ["console"],
  "POST /internal/dead-letters/redrive": "operator",
  "POST /internal/dead-letters/discard": "operator",
  "GET /internal/audit": ["console"],
  "POST /internal/audit/heal": "operator",
  // Only with FAULTS=1.
  "POST /internal/kill": "operator",
  "POST /internal/queue/wipe": "operator",

  // Of every participant: billing, items, slots.
  "POST /internal/reservations": ["orchestrator"],
  "GET /internal/reservations": ["orchestrator"],
  "GET /internal/books": ["orchestrator"],
  "POST /internal/forget": ["orchestrator"],
  "GET /internal/forgotten": ["orchestrator"],
  "GET /internal/stock": ["console"],
  "GET /internal/adjustments": ["console"],
  "POST /internal/adjustments": "operator",
  "POST /internal/records": ["console"],

  // Of every service that sagas call, only with FAULTS=1.
  "GET /internal/faults": ["console"],
  "POST /internal/faults": "operator",
} as const satisfies Readonly<Record<`${"GET" | "POST" | "DELETE"} /${string}`, Permission>>

export type RouteKey = keyof typeof permissions
