/**
 * What users' tokens are verified against: auth's public keys, and the sessions that ended before
 * their access tokens expired. It is a copy in memory, renewed every few seconds in the background,
 * and trusted for 30 seconds from the moment it was requested. After that, a removed key or an
 * ended session is valid nowhere: a service that cannot reach auth lets nobody in (docs/keys.md
 * describes the cost).
 */
import { Cause, Deferred, Effect, type Scope } from "effect"
import { importJWK } from "jose"
import type { PublicKey, Trusted } from "#shared/contracts/auth.ts"
import { type Problem, unavailable } from "#shared/http/problem.ts"
import { toleratedSeconds } from "#shared/http/peer-clocks.ts"
import { steadyMs } from "#shared/steady-time.ts"
import { OutcomeUnknown, type Transient } from "#shared/transient.ts"

/** How old a copy may be, in milliseconds. */
export const trustedForMs = 30_000
const renewedEveryMs = 5_000
const triedAgainAfterMs = 1_000

/** The fetches that requests may cause: so many at once, and then one per second. */
const fetchesAtOnce = 10

const notNow = unavailable("Tokens cannot be checked now.")

/** A key; a new object for each public key under its name. */
export interface ProvingKey {
  readonly x: string
  readonly key: CryptoKey
}

export interface Trust {
  /** Whether the copy is fresh enough to let anybody in, at that steady time. */
  readonly isFresh: (nowMs: number) => boolean
  readonly keyNamed: (kid: string) => ProvingKey | undefined
  readonly hasEnded: (session: string) => boolean
  /**
   * Changes whenever a key is removed or a session has ended: earlier proofs have to be checked
   * again.
   */
  readonly changes: () => number
  readonly accessTokenSeconds: () => number
  /** Renews the copy if it is older. Fails with a Transient error. */
  readonly newerThan: (ageMs: number) => Effect.Effect<void, Transient>
  /** Renews the copy if it is too old to let anybody in. Fails with a 503 Problem. */
  readonly fresh: Effect.Effect<void, Problem>
  /** Finds a key; for an unknown one, the copy is renewed at once. Fails with a 503 Problem. */
  readonly find: (kid: string) => Effect.Effect<ProvingKey | undefined, Problem>
  /** Renews the copy for ever. */
  readonly kept: Effect.Effect<never>
}

/** Known keys keep their objects. Rejects if one is not a key. */
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

/** The sessions that have ended, each kept for the longest lifetime of its tokens. */
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
        // The first time counts, so that entries stay in the order of their expiry.
        if (!heardAtMs.has(session)) heardAtMs.set(session, nowMs)
      }
    },
  }
}

/** Whether one more is allowed: `most` at once, and then one per second. */
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

/** A copy of what `read` returns; `read` gets the position of the last answer. */
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
        catch: () =>
          new OutcomeUnknown({ message: "auth answered with something that is not a key" }),
      })
      const isGone = [...keys].some(([kid, key]) => next.get(kid) !== key)
      if (isGone || trusted.endedSessions.length > 0) changes++
      keys = next
      ended.add(trusted.endedSessions, trusted.accessTokenSeconds, yield* steadyMs)
      accessTokenSeconds = trusted.accessTokenSeconds
      position = trusted.position
      askedAtMs = sentMs
    })
    // One renewal at a time, shared by all; it continues when they hang up.
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
      // A renewal in flight may have been sent before the key was made.
      if (!keys.has(kid) && running !== undefined) yield* asked
      if (!keys.has(kid) && isDue(yield* steadyMs)) yield* asked
      return keys.get(kid)
    })
    const pause = renew.pipe(
      Effect.as(renewedEveryMs),
      Effect.catchCause((cause) => {
        const { message } = Cause.squash(cause) as { readonly message: string }
        // Not before the first success: auth may not have started yet.
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
