/**
 * Verifies a token: its spelling, its header, its signature (RFC 7515, Ed25519 of RFC 8037) and its
 * claims, in this order. A token has exactly one spelling, the one that its signer wrote: each part
 * is the base64url of the output of JSON.stringify. So no two tokens mean the same, and no token
 * means two things: there are no duplicate keys, no stray bits after the last character, no bytes
 * that are not UTF-8, no whitespace.
 */
import { Clock, Effect, Option, Schema } from "effect"
import { compactVerify, type CryptoKey } from "jose"
import { isGoodAt, type Limits, type Times } from "./claims.ts"

export interface TokenKind<C extends Times> {
  /**
   * The header's typ (RFC 8725, section 3.11), so that no other token of the issuer passes for one
   * of this kind.
   */
  readonly type: string
  readonly claims: Schema.Codec<C, unknown>
  /** Evaluated for each token. */
  readonly limits: () => Limits
}

/** A key as its keeper stores it. */
export interface KeptKey {
  readonly key: CryptoKey
}

export interface Proof<C, K> {
  readonly claims: C
  /** The key that signed the token, and its name. */
  readonly key: K
  readonly kid: string
}

const signatureLength = Math.ceil(64 * 8 / 6)

/**
 * Returns the proof of a token of the kind; undefined for everything else. Fails as the look-up of
 * its key does.
 */
export const tokenProver = <C extends Times, K extends KeptKey, E>(
  kind: TokenKind<C>,
  keyNamed: (kid: string) => Effect.Effect<K | undefined, E>,
) => {
  // Other fields are refused, such as `crit`, or a key or its address that the token brings along.
  const Header = Schema.Struct({
    alg: Schema.Literal("EdDSA"),
    kid: Schema.String.check(Schema.isMaxLength(100)),
    typ: Schema.Literal(kind.type),
  })
  const headerOf = Schema.decodeUnknownOption(Header, { onExcessProperty: "error" })
  const claimsOf = Schema.decodeUnknownOption(kind.claims)
  return Effect.fnUntraced(function* (
    token: string,
  ): Effect.fn.Return<Proof<C, K> | undefined, E> {
    const [head = "", body = "", signature = "", ...more] = token.split(".")
    if (more.length > 0 || !isSignature(signature)) return undefined
    const header = Option.getOrUndefined(headerOf(canonicalJson(head)))
    if (header === undefined) return undefined
    const { kid } = header
    const key = yield* keyNamed(kid)
    if (key === undefined || !(yield* isSignedBy(token, key.key))) return undefined
    const claims = Option.getOrUndefined(claimsOf(canonicalJson(body)))
    if (claims === undefined) return undefined
    const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    return isGoodAt(nowSeconds, claims, kind.limits()) ? { claims, key, kid } : undefined
  })
}

/**
 * The last character of 64 bytes carries only two bits; other bits after them would be another
 * spelling.
 */
const isSignature = (text: string): boolean =>
  text.length === signatureLength &&
  Buffer.from(text, "base64url").toString("base64url") === text

/** The value of a part, if it has the signer's spelling. */
const canonicalJson = (part: string): unknown => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString())
    return Buffer.from(JSON.stringify(value)).toString("base64url") === part ? value : undefined
  } catch {
    return undefined
  }
}

const isSignedBy = (token: string, key: CryptoKey): Effect.Effect<boolean> =>
  Effect.promise(() =>
    compactVerify(token, key, { algorithms: ["EdDSA"] }).then(() => true, () => false)
  )
