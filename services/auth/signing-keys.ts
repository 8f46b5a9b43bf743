/**
 * The Ed25519 keys that sign users' tokens. They are stored in auth's database, encrypted; every
 * replica keeps a copy and renews it. The first start makes the first one under a lock: replicas
 * that start together get the same one.
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import { importJWK, type JWTPayload, SignJWT } from "jose"
import type { PublicKey, Trusted } from "#shared/contracts/auth.ts"
import { Database } from "#shared/postgres/database.ts"
import { makeTrust, type Trust } from "#shared/security/trust.ts"
import { Misconfigured, type Transient } from "#shared/transient.ts"
import { jwksAgeMs, signingKey } from "./key-rotation.ts"
import { forgetEnded, keepKeys, readStored, type StoredKey } from "./key-store.ts"
import { keyWrapping } from "./key-wrapping.ts"

interface LoadedKey extends Pick<StoredKey, "kid" | "createdAtMs"> {
  readonly signer: CryptoKey
  readonly publicKey: PublicKey
}

export class SigningKeys extends Context.Service<SigningKeys, {
  /**
   * Signs the claims as a token of the given type. The same claims give the same token until the
   * key changes; a removed key signs for a second more at most.
   */
  readonly sign: (type: string, claims: JWTPayload) => Effect.Effect<string, Transient>
  /** What this replica verifies tokens with. */
  readonly trust: Trust
  /**
   * What services verify tokens with, as the database has it now; with the sessions that ended
   * after the position, or all.
   */
  readonly trusted: (after?: string) => Effect.Effect<Trusted, Transient>
  /** For other parties that verify our tokens. */
  readonly publicKeys: Effect.Effect<ReadonlyArray<PublicKey>, Transient>
  /**
   * Makes and deletes keys as their ages demand, and deletes the ended sessions that no valid token
   * names.
   */
  readonly renew: Effect.Effect<void, Transient>
}>()("unwind/auth/SigningKeys") {}

export interface SigningKeysOptions {
  /** The longest lifetime of any token. */
  readonly longest: Duration.Duration
  readonly accessLifetime: Duration.Duration
  /** SIGNING_KEYS_SECRET. */
  readonly secret: string
}

/** The oldest copy of the keys that signs; log-ins share a reload. */
const signedForMs = 1_000

/** Fails with Transient: with Misconfigured when the secret does not open what is stored. */
export const signingKeysLayer = (
  { longest, accessLifetime, secret }: SigningKeysOptions,
): Layer.Layer<SigningKeys, Transient, Database> =>
  Layer.effect(
    SigningKeys,
    Effect.gen(function* () {
      const { transaction, query } = yield* Database
      const wrapping = keyWrapping(secret)
      const accessTokenSeconds = Math.ceil(Duration.toSeconds(accessLifetime))
      let loaded: ReadonlyArray<LoadedKey> = []
      let [reads, newest] = [0, 0]

      const keep = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const closed = yield* transaction((sql) =>
          keepKeys(sql, wrapping, now, Duration.toMillis(longest))
        )
        if (closed !== undefined) return yield* new Misconfigured({ message: closed.message })
      })
      const load = Effect.fnUntraced(function* ({ kid, wrapped, createdAtMs }: StoredKey) {
        const known = loaded.find((key) => key.kid === kid)
        if (known !== undefined) return known
        const key = yield* Effect.promise(() => wrapping.unwrap(kid, wrapped))
        if (key instanceof Error) return yield* new Misconfigured({ message: key.message })
        const { d: _secret, ...publicPart } = key
        const publicKey: PublicKey = { ...publicPart, kid, alg: "EdDSA", use: "sig" }
        const signer = yield* Effect.promise(() => importJWK({ ...key }, "EdDSA"))
        return { kid, createdAtMs, publicKey, signer: signer as CryptoKey } satisfies LoadedKey
      })
      const trusted = Effect.fnUntraced(function* (after = "0") {
        const read = ++reads
        let stored = yield* query((sql) => readStored(sql, after))
        if (stored.keys.length === 0) {
          // The last key was removed: a new one is made at once, so that log-ins go on.
          yield* keep
          stored = yield* query((sql) => readStored(sql, after))
        }
        const keys = yield* Effect.forEach(stored.keys, load)
        // Of simultaneous reads, the one that began last wins.
        if (read > newest) [newest, loaded] = [read, keys]
        return {
          keys: keys.map(({ publicKey }) => publicKey),
          accessTokenSeconds,
          endedSessions: stored.endedSessions,
          position: stored.position,
        }
      })
      yield* keep
      const trust = yield* makeTrust(trusted)
      yield* trust.newerThan(0)
      return SigningKeys.of({
        trust,
        trusted,
        renew: Effect.gen(function* () {
          yield* keep
          const now = yield* Clock.currentTimeMillis
          yield* query((sql) => forgetEnded(sql, now))
        }),
        publicKeys: Effect.map(
          trust.newerThan(jwksAgeMs),
          () => loaded.map(({ publicKey }) => publicKey),
        ),
        sign: Effect.fnUntraced(function* (type, claims) {
          yield* trust.newerThan(signedForMs)
          const { kid, signer } = signingKey(loaded, yield* Clock.currentTimeMillis)!
          return yield* Effect.promise(() =>
            new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid, typ: type }).sign(signer)
          )
        }),
      })
    }),
  )
