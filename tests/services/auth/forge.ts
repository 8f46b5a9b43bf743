/** Forges tokens with the signing key of an auth service, which it decrypts from the database. */
import { Clock, Effect } from "effect"
import { generateKeyPair, importJWK } from "jose"
import { readFileSync } from "node:fs"
import { keyWrapping, type WrappedKey } from "#services/auth/key-wrapping.ts"
import { type Good, signer } from "../../shared/security/bad-tokens.ts"
import type { RunningAuth } from "./running-auth.ts"

export const secretOf = ({ environment }: RunningAuth): string =>
  readFileSync(environment["SIGNING_KEYS_SECRET_FILE"]!, "utf8")

interface StoredKey {
  readonly kid: string
  readonly key: WrappedKey
}

/** The keys as they are stored, oldest first. */
export const storedKeys = ({ sql }: RunningAuth) =>
  Effect.promise(async () => {
    const rows = await sql<ReadonlyArray<StoredKey>>`
      select kid, private_key as key from signing_keys order by created_at`
    return rows.map(({ kid, key }): StoredKey => ({ kid, key }))
  })

/** The parts of a valid access token of Ann, by the clock of the test. */
export const forge = Effect.fnUntraced(function* (auth: RunningAuth) {
  const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const [row] = yield* storedKeys(auth)
  return yield* Effect.promise(async () => {
    const jwk = await keyWrapping(secretOf(auth)).unwrap(row!.kid, row!.key)
    if (jwk instanceof Error) throw jwk
    const strangers = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
    const privateKey = await importJWK({ ...jwk }, "EdDSA", { extractable: true }) as CryptoKey
    const good: Good = {
      header: { alg: "EdDSA", kid: row!.kid, typ: "at+jwt" },
      claims: {
        iss: "unwind",
        aud: "unwind-api",
        sub: "ann",
        jti: crypto.randomUUID(),
        iat: nowSeconds,
        exp: nowSeconds + 600,
        sid: crypto.randomUUID(),
      },
      privateKey,
      strangersKey: strangers.privateKey,
      x: jwk.x,
      nowSeconds,
      longestSeconds: 600,
      otherType: "rt+jwt",
    }
    return { good, ...signer(privateKey) }
  })
})
