/** Keeps the last used services running, since most scenarios use the same. */
import { Effect, Exit, Scope } from "effect"
import type { Ground } from "./ground.ts"
import { type Instrument, type Services, type ServicesOptions, startServices } from "./services.ts"

export interface Park {
  /** Returns the services with these options, and starts them unless they run. */
  readonly services: (
    options: ServicesOptions,
  ) => Effect.Effect<Services, { readonly message: string }>
  /** Stops the services that run. */
  readonly clear: Effect.Effect<void>
}

/** Makes a park without services. The scope stops its services. */
export const makePark = Effect.fnUntraced(function* (
  ground: Ground,
  instrument: (name: string) => Instrument,
) {
  const whole = yield* Effect.scope
  let current:
    | { readonly key: string; readonly services: Services; readonly scope: Scope.Closeable }
    | undefined
  const clear = Effect.suspend(() => {
    const before = current
    current = undefined
    return before ? Scope.close(before.scope, Exit.void) : Effect.void
  })
  const park: Park = {
    services: Effect.fnUntraced(function* (options) {
      const key = JSON.stringify(options)
      if (current?.key === key) return current.services
      yield* clear
      const scope = yield* Scope.fork(whole)
      const services = yield* Scope.provide(startServices(ground, options, instrument), scope)
      current = { key, services, scope }
      return services
    }),
    clear,
  }
  return park
})
