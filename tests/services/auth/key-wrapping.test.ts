/** Signing keys in the database: how they are encrypted, and the error for a wrong secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeProtectedHeader } from "jose"
import { randomBytes } from "node:crypto"
import { keyWrapping } from "#services/auth/key-wrapping.ts"
import { secretOf, storedKeys } from "./forge.ts"
import { annsTokens, type RunningAuth, startAuth } from "./running-auth.ts"

const newSecret = () => randomBytes(32).toString("base64url")

/** The same auth, restarted with other secrets. */
const withSecrets = (auth: RunningAuth, ...secrets: ReadonlyArray<string>) =>
  auth.restarted({ SIGNING_KEYS_SECRET: secrets.join("\n") })

const isValid = ({ call }: RunningAuth, token: string) =>
  Effect.map(call("/api/token/verify/", { body: { token } }), ({ status }) => status === 200)

/** Stores the keys as releases without encryption did. */
const storePlainly = (auth: RunningAuth) =>
  Effect.gen(function* () {
    for (const { kid, key } of yield* storedKeys(auth)) {
      const jwk = yield* Effect.promise(() => keyWrapping(secretOf(auth)).unwrap(kid, key))
      assert.notInstanceOf(jwk, Error)
      yield* Effect.promise(() =>
        auth.sql`update signing_keys set private_key = ${auth.sql.json({ ...jwk })}`
      )
    }
  })

describe("a signing key in the database", () => {
  it.effect("is encrypted, and unreadable in every part", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const [row] = yield* storedKeys(auth)
      assert.isString(row!.key)
      const { alg, enc, cty } = decodeProtectedHeader(row!.key as string)
      assert.deepStrictEqual([alg, enc, cty], ["dir", "A256GCM", "jwk+json"])
      const text = yield* Effect.promise(() =>
        auth.sql<
          [{ all: string }]
        >`select string_agg(signing_keys::text, ' ') as all from signing_keys`
      )
      assert.notMatch(text[0].all, /"d"|"kty"/)
    }))

  it.effect("of a release without encryption is encrypted at the start, and still signs", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access, refresh } = yield* annsTokens(auth)
      yield* storePlainly(auth)
      assert.isObject((yield* storedKeys(auth))[0]!.key)
      const again = yield* auth.replica
      const stored = yield* storedKeys(auth)
      assert.deepStrictEqual(stored.map(({ key }) => typeof key), ["string"])
      assert.isTrue(yield* isValid(again, access))
      assert.isTrue(yield* isValid(again, refresh))
    }))

  it.effect("is encrypted again with the first of several secrets, so the others can be removed", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const old = secretOf(auth)
      const { access } = yield* annsTokens(auth)
      const [before] = yield* storedKeys(auth)
      const next = newSecret()
      // On all replicas, the next secret first only decrypts. Then it encrypts.
      yield* withSecrets(auth, old, next)
      assert.deepStrictEqual(yield* storedKeys(auth), [before!])
      yield* withSecrets(auth, next, old)
      const [after] = yield* storedKeys(auth)
      assert.strictEqual(after!.kid, before!.kid)
      assert.notStrictEqual(after!.key, before!.key)
      const last = yield* withSecrets(auth, next)
      assert.isTrue(yield* isValid(last, access))
    }))

  it.effect("that the secret does not open stops the start with one line, and is not changed", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const before = yield* storedKeys(auth)
      const refusal = (...secrets: ReadonlyArray<string>) =>
        Effect.map(
          Effect.flip(withSecrets(auth, ...secrets)),
          (error) => (error as { readonly message: string }).message,
        )
      const wrong = newSecret()
      const message = yield* refusal(wrong)
      assert.match(
        message,
        /^SIGNING_KEYS_SECRET does not open the signing key [\w-]{36} .*--rotate/,
      )
      for (const secret of [wrong, secretOf(auth)]) assert.notInclude(message, secret)
      assert.notInclude(message, "\n")
      assert.deepStrictEqual(yield* storedKeys(auth), before)
      // No bit may be altered, and no key may take the place of another.
      const { kid, key } = before[0]!
      const text = key as string
      for (
        const other of [
          `${text.slice(0, -3)}${text.endsWith("AAA") ? "BBB" : "AAA"}`,
          "no JWE",
          yield* Effect.promise(() =>
            keyWrapping(secretOf(auth)).wrap("another", {
              kty: "OKP",
              crv: "Ed25519",
              x: "AA",
              d: "AA",
            })
          ),
        ]
      ) {
        yield* Effect.promise(() =>
          auth.sql`update signing_keys set private_key = ${auth.sql.json(other)} where kid = ${kid}`
        )
        assert.match(yield* refusal(secretOf(auth)), /^SIGNING_KEYS_SECRET does not open/)
        assert.strictEqual((yield* storedKeys(auth)).length, 1)
      }
    }))

  it.effect("is not stored while the secret is missing or invalid, which is reported", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (const secret of ["", "short", `${newSecret()} short`, "x".repeat(44)]) {
        const error = yield* Effect.flip(auth.restarted({
          SIGNING_KEYS_SECRET: secret,
          SIGNING_KEYS_SECRET_FILE: "",
          BILLING_URL: "ftp://billing",
        }))
        const { message } = error as { readonly message: string }
        assert.match(message, /SIGNING_KEYS_SECRET is (missing|wrong): .*npm run keys/)
        assert.match(message, /BILLING_URL is wrong/)
      }
    }))
})
