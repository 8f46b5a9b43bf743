/** The doors of a service: who can reach which of its apps, and what a server tells an app. */
import type { Effect } from "effect"
import type { Hono } from "hono"

/** What the server knows of a request; a request within the process has none of it. */
export interface Bindings {
  readonly remoteAddress?: string | undefined
  /** Succeeds when the server wants to close. */
  readonly closing?: Effect.Effect<void>
  /** Whether the server was told to stop: it still serves, but is not ready any more. */
  readonly draining?: boolean
  /**
   * Calls back when the client hangs up or has its answer. Without it, the request's signal is
   * used.
   */
  readonly onClose?: (closed: () => void) => void
}

export type App = Hono<{ Bindings: Bindings }>

/**
 * The apps of a service, by who can reach them: each has a port of its own, or gets requests in
 * memory.
 */
export interface Doors {
  /** The public routes and nothing else: all that a gateway can reach. */
  readonly public: App
  /**
   * For services and operators: the internal routes, health, metrics, and the description of all
   * routes.
   */
  readonly internal: App
}
