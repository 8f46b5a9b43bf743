/**
 * Combines the answers of several services. Services that are unavailable are left out, and listed.
 */
import { Effect } from "effect"
import type { Away } from "#shared/contracts/console.ts"
import { Problem } from "#shared/http/problem.ts"
import { notOfferedCode, type PeerName, Peers, type Question, ServiceAway } from "./peers.ts"

/** Turns the failure of a call into a value: ServiceAway. */
export const orAway = <A>(
  asking: Effect.Effect<A, Problem | ServiceAway>,
  service: PeerName,
): Effect.Effect<A | ServiceAway> =>
  Effect.catch(asking, (error) =>
    Effect.succeed(
      error instanceof Problem ? new ServiceAway({ service, message: error.detail }) : error,
    ))

/** Makes the function that reads from a service and never fails. */
export const asking = Effect.map(
  Peers,
  ({ read }) => <A>(service: PeerName, question: Question<A>) =>
    orAway(read(service, question), service),
)

/** Reads an optional route of a participant; undefined if the participant lacks the route. */
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

/** The answer; null where the service is unavailable. */
export const known = <A>(told: A | ServiceAway): A | null => isAway(told) ? null : told

/** The unavailable services, each once. */
export const awayOf = (all: ReadonlyArray<unknown>): ReadonlyArray<Away> => {
  const away = all.filter(isAway).map(({ service, message }) => ({ service, message }))
  return away.filter(({ service }, n) => away.findIndex((other) => other.service === service) === n)
}
