/**
 * Signing keys are stored encrypted: the database, its backups and its logs have nothing that can
 * sign. Each is a JWE (RFC 7516: dir, A256GCM) of the key as a JWK (RFC 7517, section 7), under a
 * secret that is mounted next to the database's address.
 */
import { Option, Schema } from "effect"
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader, type JWK } from "jose"
import { createHash } from "node:crypto"
import type { Setting } from "#shared/config/settings.ts"

const secret = "[\\w-]{43}"

export const signingKeysSecret = {
  SIGNING_KEYS_SECRET: {
    schema: Schema.String.check(Schema.isPattern(new RegExp(`^${secret}(\\s+${secret})*$`))),
    expects:
      "the content of signing-keys.secret, which `npm run keys` writes: secrets of 32 random " +
      "bytes in base64url, one on each line; the first encrypts, and all decrypt",
  } satisfies Setting<string>,
}

/** An Ed25519 key pair. */
const PrivateKey = Schema.Struct({
  kty: Schema.Literal("OKP"),
  crv: Schema.Literal("Ed25519"),
  x: Schema.String,
  d: Schema.String,
})
export type PrivateKey = typeof PrivateKey.Type

const asPrivateKey = Schema.decodeUnknownOption(PrivateKey)

/**
 * A key as it is in the database: a JWE, or the JWK itself, as releases without encryption stored
 * it.
 */
export type WrappedKey = string | JWK

export interface KeyWrapping {
  readonly wrap: (kid: string, key: PrivateKey) => Promise<string>
  /**
   * The key of that id; an error that says why and what to do when it cannot be opened or is
   * another's.
   */
  readonly unwrap: (kid: string, wrapped: WrappedKey) => Promise<PrivateKey | Error>
  /** Whether it is encrypted with the current secret. */
  readonly isCurrent: (wrapped: WrappedKey) => boolean
}

interface Secret {
  /** Its name in headers and messages; it does not reveal the secret. */
  readonly name: string
  readonly bytes: Uint8Array
}

const secretOf = (text: string): Secret => {
  const bytes = new Uint8Array(Buffer.from(text, "base64url"))
  return { bytes, name: createHash("sha256").update(bytes).digest("base64url").slice(0, 12) }
}

const secretNameOf = (wrapped: string): string | undefined => {
  try {
    return decodeProtectedHeader(wrapped).kid
  } catch {
    return undefined
  }
}

/** Wraps with the first of the secrets, and unwraps with any of them. */
export const keyWrapping = (setting: string): KeyWrapping => {
  const secrets = setting.split(/\s+/).map(secretOf)
  const [first] = secrets as [Secret, ...ReadonlyArray<Secret>]
  const closed = (kid: string, name = "(unknown)") =>
    new Error(
      `SIGNING_KEYS_SECRET does not open the signing key ${kid} in auth's database: it is ` +
        `encrypted with secret ${name}, and the setting has ` +
        `${secrets.map(({ name }) => name).join(", ")}. Add it on a line of its own. If it ` +
        "is lost, `npm run keys -- --rotate` makes a new signing key, and all users log in again",
    )
  return {
    wrap: (kid, key) =>
      new CompactEncrypt(new TextEncoder().encode(JSON.stringify({ ...key, kid })))
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: first.name, cty: "jwk+json" })
        .encrypt(first.bytes),
    unwrap: async (kid, wrapped) => {
      if (typeof wrapped !== "string") {
        return Option.getOrElse(asPrivateKey(wrapped), () => closed(kid))
      }
      const name = secretNameOf(wrapped)
      const secret = secrets.find((secret) => secret.name === name)
      if (secret === undefined) return closed(kid, name)
      try {
        const { plaintext } = await compactDecrypt(wrapped, secret.bytes, {
          keyManagementAlgorithms: ["dir"],
          contentEncryptionAlgorithms: ["A256GCM"],
        })
        const jwk: JWK = JSON.parse(new TextDecoder().decode(plaintext))
        // A key that was copied to another row would sign under the id of another key.
        return jwk.kid === kid
          ? Option.getOrElse(asPrivateKey(jwk), () => closed(kid, name))
          : closed(kid, name)
      } catch {
        return closed(kid, name)
      }
    },
    isCurrent: (wrapped) => typeof wrapped === "string" && secretNameOf(wrapped) === first.name,
  }
}
