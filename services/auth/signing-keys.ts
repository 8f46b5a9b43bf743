/**
 * The Ed25519 keys that sign users' tokens. They live in auth's database; every replica keeps a copy and renews it. The
 * first is made at the first start, under a lock: replicas that start together get the same one.
 */
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import {
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  SignJWT,
} from "jose"
import type { PublicKey } from "#shared/contracts/auth.ts"
import { json } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { isKeyDue, retiredKeys, signingKey } from "./key-rotation.ts"

interface StoredKey {
  readonly kid: string
  readonly privateKey: JWK & { readonly x: string }
  readonly createdAtMs: number
}

interface LoadedKey extends StoredKey {
  readonly signer: CryptoKey | Uint8Array
  readonly verifier: CryptoKey | Uint8Array
  readonly publicKey: PublicKey
}

export class SigningKeys extends Context.Service<SigningKeys, {
  /** Signs the claims as a token of the given type. The same claims give the same token until the key changes. */
  readonly sign: (type: string, claims: JWTPayload) => Effect.Effect<string>
  /** Finds the key that a token names, for jose. */
  readonly keyOf: JWTVerifyGetKey
  readonly publicKeys: Effect.Effect<ReadonlyArray<PublicKey>>
  /** Makes and deletes keys as their ages demand, and takes what is stored then. */
  readonly renew: Effect.Effect<void, Transient>
}>()("unwind/auth/SigningKeys") {}

/** `longest` is the longest lifetime of a token. Fails with Unavailable or Unknown. */
export const signingKeysLayer = (
  longest: Duration.Duration,
): Layer.Layer<SigningKeys, Transient, Database> =>
  Layer.effect(
    SigningKeys,
    Effect.gen(function* () {
      const { transaction } = yield* Database
      let loaded: ReadonlyArray<LoadedKey> = []
      const renew = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const stored = yield* transaction((sql) => rotate(sql, now, Duration.toMillis(longest)))
        loaded = yield* Effect.promise(() => Promise.all(stored.map(load)))
      })
      yield* renew
      return SigningKeys.of({
        renew,
        publicKeys: Effect.sync(() => loaded.map(({ publicKey }) => publicKey)),
        keyOf: ({ kid }) => {
          const key = loaded.find((key) => key.kid === kid)
          if (key === undefined) throw new errors.JWKSNoMatchingKey()
          return key.verifier
        },
        sign: (type, claims) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const { kid, signer } = signingKey(loaded, now)!
            return Effect.promise(() =>
              new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid, typ: type }).sign(signer)
            )
          }),
      })
    }),
  )

const KeyRow = Schema.Struct({
  kid: Schema.String,
  privateKey: json<StoredKey["privateKey"]>(),
  createdAt: Schema.Date,
})

/** Brings the table up to date and gives its keys, oldest first. */
const rotate = Effect.fnUntraced(function* (sql: Sql, nowMs: number, longestMs: number) {
  // Replicas take turns, so that none makes a key beside another's.
  yield* sql`lock table signing_keys in share row exclusive mode`
  const rows = yield* sql.rows(KeyRow)`
    select kid, private_key as "privateKey", created_at as "createdAt"
    from signing_keys order by created_at`
  const keys = rows.map(({ createdAt, ...key }): StoredKey => ({
    ...key,
    createdAtMs: createdAt.getTime(),
  }))
  const retired = retiredKeys(keys, nowMs, longestMs)
  if (retired.length > 0) {
    yield* sql`
      delete from signing_keys where kid = any(${retired.map(({ kid }) => kid)}::text[])`
  }
  const kept = keys.filter((key) => !retired.includes(key))
  if (!isKeyDue(kept, nowMs)) return kept
  const key = yield* Effect.promise(() => makeKey(nowMs))
  yield* sql`
    insert into signing_keys (kid, private_key, created_at)
    values (${key.kid}, ${sql.json({ ...key.privateKey })}, ${new Date(nowMs)})`
  return [...kept, key]
})

const makeKey = async (createdAtMs: number): Promise<StoredKey> => {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  const jwk = await exportJWK(privateKey) as StoredKey["privateKey"]
  return { kid: crypto.randomUUID(), privateKey: jwk, createdAtMs }
}

const load = async (stored: StoredKey): Promise<LoadedKey> => {
  const { kid, privateKey } = stored
  const publicKey: PublicKey = {
    kty: "OKP",
    crv: "Ed25519",
    x: privateKey.x,
    kid,
    alg: "EdDSA",
    use: "sig",
  }
  return {
    ...stored,
    publicKey,
    signer: await importJWK(privateKey, "EdDSA"),
    verifier: await importJWK(publicKey, "EdDSA"),
  }
}
