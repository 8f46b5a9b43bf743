/**
 * The services whose addresses have a name that does not resolve: a setting is wrong or missing,
 * or, where names come and go with containers, the service is stopped or has not started. Each is
 * named in `/readyz` until it answers, with the setting that holds its address; in the log at
 * first, and as a warning when it lasts.
 */
import { Context, Effect } from "effect"
import { addressName } from "#shared/config/addresses.ts"
import type { ServiceName } from "#shared/roster.ts"
import { steadyMs } from "#shared/steady-time.ts"

/** Another program, and where it is. */
export interface Peer {
  readonly name: string
  readonly url: URL
  /** The setting that holds the address, if it is not that of the addresses of services. */
  readonly setting?: string
}

export interface UnresolvedPeers {
  /** Records that the name in a service's address does not resolve. */
  readonly unresolved: (peer: Peer) => Effect.Effect<void>
  /** Records that a service answered, with success or not. */
  readonly answered: (peer: Peer) => Effect.Effect<void>
  /** What is wrong, with the remedy, a text for each address. */
  readonly named: Effect.Effect<ReadonlyArray<string>>
}

const settingOf = ({ name, setting }: Peer): string => setting ?? addressName(name as ServiceName)

/** Longer than containers that start together need until all their names resolve. */
const startsWithinMs = 30_000

interface Unresolved {
  readonly what: string
  readonly sinceMs: number
  warned: boolean
}

export const makeUnresolvedPeers = (): UnresolvedPeers => {
  const wrong = new Map<string, Unresolved>()
  return {
    unresolved: Effect.fnUntraced(function* (peer) {
      const { name, url } = peer
      const setting = settingOf(peer)
      const nowMs = yield* steadyMs
      const known = wrong.get(setting)
      if (known === undefined) {
        const what =
          `${name} is not found at ${url.origin}: see that it runs, or set ${setting} to where it is`
        wrong.set(setting, { what, sinceMs: nowMs, warned: false })
        yield* Effect.logInfo(what)
      } else if (!known.warned && nowMs - known.sinceMs >= startsWithinMs) {
        known.warned = true
        yield* Effect.logWarning(known.what)
      }
    }),
    answered: (peer) =>
      Effect.suspend(() =>
        wrong.size > 0 && wrong.delete(settingOf(peer))
          ? Effect.logInfo(`${peer.name} is found at ${peer.url.origin}`)
          : Effect.void
      ),
    named: Effect.sync(() => [...wrong.values()].map(({ what }) => what)),
  }
}

/** The unresolved peers of the running service. By default nothing is recorded. */
export const UnresolvedPeers = Context.Reference<UnresolvedPeers>("unwind/http/UnresolvedPeers", {
  defaultValue: () => ({
    unresolved: () => Effect.void,
    answered: () => Effect.void,
    named: Effect.succeed([]),
  }),
})
