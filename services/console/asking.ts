/** How answers of several services are put together: what is away is left out, and named. */
import { Effect } from "effect"
import type { Away } from "#shared/contracts/console.ts"
import { Problem } from "#shared/http/problem.ts"
import { notOfferedCode, type PeerName, Peers, type Question, ServiceAway } from "./peers.ts"

/** Gives what a service shows or, where it cannot be asked, that it is away. */
export const orAway = <A>(
  asking: Effect.Effect<A, Problem | ServiceAway>,
  service: PeerName,
): Effect.Effect<A | ServiceAway> =>
  Effect.catch(asking, (error) =>
    Effect.succeed(
      error instanceof Problem ? new ServiceAway({ service, message: error.detail }) : error,
    ))

/** Asks a service for what it has in any case. */
export const asking = Effect.map(
  Peers,
  ({ read }) => <A>(service: PeerName, question: Question<A>) =>
    orAway(read(service, question), service),
)

/** Asks a participant for what it need not have; gives nothing where it has not. */
export const askingWhoOffers = Effect.map(
  Peers,
  ({ read }) => <A>(service: PeerName, question: Question<A>) =>
    Effect.catchIf(
      read(service, question),
      (error) => error instanceof Problem && error.code === notOfferedCode,
      () => Effect.succeed(undefined),
    ).pipe((asked) => orAway(asked, service)),
)

const isAway = (told: unknown): told is ServiceAway => told instanceof ServiceAway

/** What was told; null where the service is away. */
export const known = <A>(told: A | ServiceAway): A | null => isAway(told) ? null : told

/** Those that are away, each once. */
export const awayOf = (all: ReadonlyArray<unknown>): ReadonlyArray<Away> => {
  const away = all.filter(isAway).map(({ service, message }) => ({ service, message }))
  return away.filter(({ service }, n) => away.findIndex((other) => other.service === service) === n)
}
