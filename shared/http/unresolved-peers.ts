/**
 * The services whose addresses have a name that does not resolve: a setting is wrong or is not
 * there, or, where names come and go with containers, the service is stopped. Each is named in the
 * log once, and in `/readyz` until it answers, with the setting that says where it is.
 */
import { Context, Effect } from "effect"
import { addressName } from "#shared/config/addresses.ts"
import type { ServiceName } from "#shared/roster.ts"
import type { Callee } from "./client.ts"

type Peer = Pick<Callee, "name" | "url" | "setting">

export interface UnresolvedPeers {
  /** Takes note that the name in a service's address does not resolve. */
  readonly unresolved: (peer: Peer) => Effect.Effect<void>
  /** Takes note that a service answered, whatever it did. */
  readonly answered: (peer: Peer) => Effect.Effect<void>
  /** What is wrong, with the remedy, a text for each address. */
  readonly named: Effect.Effect<ReadonlyArray<string>>
}

const settingOf = ({ name, setting }: Peer): string => setting ?? addressName(name as ServiceName)

export const makeUnresolvedPeers = (): UnresolvedPeers => {
  const wrong = new Map<string, string>()
  return {
    unresolved: (peer) =>
      Effect.suspend(() => {
        const { name, url } = peer
        const setting = settingOf(peer)
        if (wrong.has(setting)) return Effect.void
        const what =
          `${name} is not found at ${url.origin}: see that it runs, or set ${setting} to where it is`
        wrong.set(setting, what)
        return Effect.logWarning(what)
      }),
    answered: (peer) =>
      Effect.suspend(() =>
        wrong.size > 0 && wrong.delete(settingOf(peer))
          ? Effect.logInfo(`${peer.name} is found at ${peer.url.origin}`)
          : Effect.void
      ),
    named: Effect.sync(() => [...wrong.values()]),
  }
}

/** Those that one service calls; nothing is noted where no service runs. */
export const UnresolvedPeers = Context.Reference<UnresolvedPeers>("unwind/http/UnresolvedPeers", {
  defaultValue: () => ({
    unresolved: () => Effect.void,
    answered: () => Effect.void,
    named: Effect.succeed([]),
  }),
})
