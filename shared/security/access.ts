/** How a route authenticates its callers. */
import type { Effect } from "effect"
import type { Problem } from "#shared/http/problem.ts"

/**
 * Authenticates the caller. Fails with a 401 or 403 Problem, or 503 when it cannot tell: an
 * unproved caller never gets in.
 */
export interface Access<C> {
  /** The security scheme in the OpenAPI document; null for routes that anyone may call. */
  readonly scheme: "user" | "service" | "operator" | null
  /** Who gets in with this scheme, if not all: the roles of users, or the names of services. */
  readonly roles?: ReadonlyArray<string>
  readonly authorize: (request: Request) => Effect.Effect<C, Problem>
}
