/**
 * Signing keys are kept encrypted: in the database, its backups and its logs is nothing that signs. Each is a JWE (RFC 7516:
 * dir, A256GCM) of the key as a JWK (RFC 7517, section 7), under a secret that is mounted beside the database's address.
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
      "what `npm run keys` put into signing-keys.secret: 32 random bytes in base64url, the " +
      "one that encrypts first and those that only decrypt after it, a line for each",
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

/** A key as it is in the database: a JWE, or the JWK itself, as it was kept before keys were encrypted. */
export type WrappedKey = string | JWK

export interface KeyWrapping {
  readonly wrap: (kid: string, key: PrivateKey) => Promise<string>
  /** The key of that name; of what cannot be opened, or is another's, why and what to do. */
  readonly unwrap: (kid: string, wrapped: WrappedKey) => Promise<PrivateKey | Error>
  /** Whether it is encrypted, and by the secret that encrypts now. */
  readonly isCurrent: (wrapped: WrappedKey) => boolean
}

interface Secret {
  /** What it is called in headers and messages; it does not tell the secret. */
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

/** Wraps by the first of the secrets, and unwraps by any of them. */
export const keyWrapping = (setting: string): KeyWrapping => {
  const secrets = setting.split(/\s+/).map(secretOf)
  const [first] = secrets as [Secret, ...ReadonlyArray<Secret>]
  const closed = (kid: string, name = "that nobody knows") =>
    new Error(
      `SIGNING_KEYS_SECRET does not open the signing key ${kid} in auth's database: secret ${name} ` +
        `encrypted it, and here is ${secrets.map(({ name }) => name).join(", ")}. Put that one ` +
        "back, on a line of its own. If it is lost, `npm run keys -- --rotate` makes a new signing " +
        "key, and everybody has to log in again",
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
        // One row's key in another's place would sign under a name that others know for something else.
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
