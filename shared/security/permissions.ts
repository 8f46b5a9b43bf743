/**
 * Who may call which route: one row for each. Guards take it from here, the OpenAPI documents say it, and a test tries every
 * route of every service with every kind of caller against it. A route without a row does not compile.
 */
import type { ServiceName } from "#shared/roster.ts"

/** Anyone, any user who shows an access token, or the services that are named. */
export type Permission = "anyone" | "user" | readonly [ServiceName, ...ReadonlyArray<ServiceName>]

/** The rows, by the method and the path of the route as it is written there. */
export const permissions = {
  "POST /api/auth/users/": "anyone",
  "GET /api/auth/users/me/": "user",
  "POST /api/token/": "anyone",
  "POST /api/token/refresh/": "anyone",
  "POST /api/token/verify/": "anyone",
  "GET /.well-known/jwks.json": "anyone",

  "GET /api/accounts/:username": "user",
  "POST /api/profiles/": ["auth"],

  "POST /api/orders/": "user",
  "GET /api/orders/": "user",
  "GET /api/orders/:id": "user",
  "GET /api/orders/:id/events": "user",
  "POST /internal/decisions": ["orchestrator"],
  "GET /internal/orders": ["orchestrator"],
  "GET /internal/orders/unfinished": ["orchestrator"],

  // Of every participant: billing, items, slots.
  "POST /internal/reservations": ["orchestrator"],
  "GET /internal/reservations": ["orchestrator"],
  "GET /internal/books": ["orchestrator"],
  "POST /internal/forget": ["orchestrator"],
  "GET /internal/forgotten": ["orchestrator"],
} as const satisfies Readonly<Record<`${"GET" | "POST"} /${string}`, Permission>>

export type RouteKey = keyof typeof permissions
