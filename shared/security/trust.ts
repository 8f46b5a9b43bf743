/**
 * What users' tokens are proved by: the public keys of auth, and the sessions that have ended before their access tokens did.
 * A copy in memory, renewed every few seconds beside the requests. It is trusted for 30 seconds from the moment when it was
 * asked for: a key that is removed and a session that has ended are good nowhere after that, also where auth cannot be
 * reached, because there nobody is let in any more (docs/keys.md says what this costs).
 */
import { Cause, Deferred, Effect, type Scope } from "effect"
import { importJWK } from "jose"
import type { PublicKey, Trusted } from "#shared/contracts/auth.ts"
import { type Problem, unavailable } from "#shared/http/problem.ts"
import { toleratedSeconds } from "#shared/http/peer-clocks.ts"
import { steadyMs } from "#shared/steady-time.ts"
import { type Transient, Unknown } from "#shared/transient.ts"

/** How old a copy may be, in milliseconds. */
export const trustedForMs = 30_000
const renewedEveryMs = 5_000
const triedAgainAfterMs = 1_000

/** Requests that need a newer copy have it fetched: so many times at once, and then once a second. */
const fetchesAtOnce = 10

const notNow = unavailable("Tokens cannot be checked now.")

/** A key, another object for each public key that comes under its name. */
export interface ProvingKey {
  readonly x: string
  readonly key: CryptoKey
}

export interface Trust {
  /** Whether anybody may be let in by what is known at that moment of steady time. */
  readonly isFresh: (nowMs: number) => boolean
  readonly keyNamed: (kid: string) => ProvingKey | undefined
  readonly hasEnded: (session: string) => boolean
  /** Another number whenever a key went or a session has ended: what was proved before has to be looked at again. */
  readonly changes: () => number
  readonly accessTokenSeconds: () => number
  /** Waits for a newer copy when this one is older. Fails with a Transient error. */
  readonly newerThan: (ageMs: number) => Effect.Effect<void, Transient>
  /** Waits for a newer copy when this one is too old to let anybody in. Fails with a 503 Problem. */
  readonly fresh: Effect.Effect<void, Problem>
  /** Finds a key; one that is not known is asked for at once. Fails with a 503 Problem. */
  readonly find: (kid: string) => Effect.Effect<ProvingKey | undefined, Problem>
  /** Renews it for ever. */
  readonly kept: Effect.Effect<never>
}

/** The keys that are known stay as they are. Rejects when one is no key. */
const provingKeys = async (
  keys: ReadonlyArray<PublicKey>,
  known: ReadonlyMap<string, ProvingKey>,
): Promise<ReadonlyMap<string, ProvingKey>> => {
  const imported = keys.map(async (jwk): Promise<readonly [string, ProvingKey]> => {
    const before = known.get(jwk.kid)
    if (before?.x === jwk.x) return [jwk.kid, before]
    return [jwk.kid, { x: jwk.x, key: await importJWK(jwk, "EdDSA") as CryptoKey }]
  })
  return new Map(await Promise.all(imported))
}

/** The sessions that have ended, each for as long as a token of it may have been made to live. */
const makeEnded = () => {
  const heardAtMs = new Map<string, number>()
  let longestSeconds = 0
  return {
    has: (session: string) => heardAtMs.has(session),
    add: (sessions: ReadonlyArray<string>, tokenSeconds: number, nowMs: number) => {
      longestSeconds = Math.max(longestSeconds, tokenSeconds)
      const untilMs = (longestSeconds + toleratedSeconds) * 1000
      for (const [session, atMs] of heardAtMs) {
        if (nowMs - atMs <= untilMs) break
        heardAtMs.delete(session)
      }
      for (const session of sessions) {
        // The first time counts: entries stand in the order in which they go.
        if (!heardAtMs.has(session)) heardAtMs.set(session, nowMs)
      }
    },
  }
}

/** Whether one more is due: so many at once, and then one a second. */
const makeAllowance = (most: number) => {
  let left = most
  let atMs = 0
  return (nowMs: number): boolean => {
    left = Math.min(most, left + (nowMs - atMs) / 1000)
    atMs = nowMs
    if (left < 1) return false
    left--
    return true
  }
}

/** A copy of what `read` gives, which is told where the last answer ended. */
export const makeTrust = (
  read: (after: string | undefined) => Effect.Effect<Trusted, Transient>,
): Effect.Effect<Trust, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const isDue = makeAllowance(fetchesAtOnce)
    const ended = makeEnded()
    let keys: ReadonlyMap<string, ProvingKey> = new Map()
    let [askedAtMs, accessTokenSeconds] = [-Infinity, 0]
    let position: string | undefined
    let changes = 0
    const isFresh = (nowMs: number) => nowMs - askedAtMs < trustedForMs

    const renewal = Effect.gen(function* () {
      const sentMs = yield* steadyMs
      const trusted = yield* read(position)
      const next = yield* Effect.tryPromise({
        try: () => provingKeys(trusted.keys, keys),
        catch: () => new Unknown({ message: "auth answered what is no key" }),
      })
      const isGone = [...keys].some(([kid, key]) => next.get(kid) !== key)
      if (isGone || trusted.endedSessions.length > 0) changes++
      keys = next
      ended.add(trusted.endedSessions, trusted.accessTokenSeconds, yield* steadyMs)
      accessTokenSeconds = trusted.accessTokenSeconds
      position = trusted.position
      askedAtMs = sentMs
    })
    // One at a time, whoever wants it, and seen through though they hang up.
    let running: Deferred.Deferred<void, Transient> | undefined
    const begun = Effect.suspend(() => {
      if (running !== undefined) return Effect.succeed(running)
      const outcome = running = Deferred.makeUnsafe<void, Transient>()
      return Effect.interruptible(renewal).pipe(
        Effect.onExit((exit) => {
          running = undefined
          return Deferred.done(outcome, exit)
        }),
        Effect.forkIn(scope),
        Effect.as(outcome),
      )
    })
    const renew = Effect.flatMap(Effect.uninterruptible(begun), Deferred.await)
    const cannotTell = ({ message }: Transient) =>
      Effect.andThen(
        Effect.logWarning(`Users' tokens cannot be checked: ${message}`),
        Effect.fail(notNow),
      )
    const asked = Effect.catch(renew, cannotTell)

    const fresh: Trust["fresh"] = Effect.flatMap(steadyMs, (nowMs) => {
      if (isFresh(nowMs)) return Effect.void
      return running !== undefined || isDue(nowMs) ? asked : Effect.fail(notNow)
    })
    const find: Trust["find"] = Effect.fnUntraced(function* (kid) {
      // One that is on its way may have been sent before the key was made.
      if (!keys.has(kid) && running !== undefined) yield* asked
      if (!keys.has(kid) && isDue(yield* steadyMs)) yield* asked
      return keys.get(kid)
    })
    const pause = renew.pipe(
      Effect.as(renewedEveryMs),
      Effect.catchCause((cause) => {
        const { message } = Cause.squash(cause) as { readonly message: string }
        // Before the first request has asked, nobody waits for what may not have started yet.
        const told = askedAtMs === -Infinity
          ? Effect.void
          : Effect.logWarning(`The keys of users' tokens cannot be renewed: ${message}`)
        return Effect.as(told, triedAgainAfterMs)
      }),
    )
    return {
      isFresh,
      keyNamed: (kid) => keys.get(kid),
      hasEnded: ended.has,
      changes: () => changes,
      accessTokenSeconds: () => accessTokenSeconds,
      newerThan: (ageMs) =>
        Effect.flatMap(steadyMs, (nowMs) => nowMs - askedAtMs <= ageMs ? Effect.void : renew),
      fresh,
      find,
      kept: Effect.forever(Effect.flatMap(pause, (ms) => Effect.sleep(ms))),
    }
  })
