/**
 * Opens the doors of a service: its public port, if it has one, and its internal one. Each has its
 * own connections, so exhausting one leaves the other free.
 */
import { Effect, Result, Scope } from "effect"
import type { App, Doors } from "./doors.ts"
import { listen, ListenError, type ListenOptions } from "./listen.ts"

export type Handlers = Readonly<Record<keyof Doors, Pick<App, "fetch">>>

/** Where to listen; without `public` the service has no public port. */
export interface DoorOptions extends Pick<ListenOptions, "keepAliveMs" | "maxConnections"> {
  readonly public?: Pick<ListenOptions, "host" | "port" | "trustProxy"> | undefined
  readonly internal: Pick<ListenOptions, "host" | "port">
}

/** The ports that are open. */
export interface OpenDoors {
  readonly public: number | undefined
  readonly internal: number
}

/**
 * Listens until the scope closes, and then closes both at the same time. Fails with ListenError,
 * whose message has a line for each port that cannot be opened.
 */
export const listenDoors = (
  handlers: Handlers,
  { public: publicAt, internal: internalAt, ...rest }: DoorOptions,
): Effect.Effect<OpenDoors, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const internal = listen(handlers.internal, { ...rest, ...internalAt, prefix: "INTERNAL_" })
    const open = publicAt === undefined
      ? Effect.undefined
      : listen(handlers.public, { ...rest, ...publicAt })
    const opened = yield* Effect.all([Effect.result(open), Effect.result(internal)]).pipe(
      Scope.provide(scope),
    )
    const failures = opened.filter(Result.isFailure).map(({ failure }) => failure.message)
    if (failures.length > 0) return yield* new ListenError({ message: failures.join("\n") })
    return { public: Result.getOrThrow(opened[0]), internal: Result.getOrThrow(opened[1]) }
  })
