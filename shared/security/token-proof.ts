/**
 * Proves a token: its one spelling, its header, its signature (RFC 7515, Ed25519 of RFC 8037) and its claims, in this order.
 * A token of ours has exactly one spelling, the one that its signer wrote: each part is the base64url of what JSON.stringify
 * gives. That leaves no room for two tokens that mean the same, nor for one that means two things: no key twice, no bits
 * behind the last character, no bytes that are not UTF-8, no space.
 */
import { Clock, Effect, Option, Schema } from "effect"
import { compactVerify, type CryptoKey } from "jose"
import { isGoodAt, type Limits, type Times } from "./claims.ts"

export interface TokenKind<C extends Times> {
  /** The header's typ (RFC 8725, section 3.11), so that no other token of the same issuer passes for one of this kind. */
  readonly type: string
  readonly claims: Schema.Codec<C, unknown>
  /** Asked anew for each token. */
  readonly limits: () => Limits
}

/** A key as whoever keeps it has it. */
export interface KeptKey {
  readonly key: CryptoKey
}

export interface Proof<C, K> {
  readonly claims: C
  /** The key that proves it, and its name. */
  readonly key: K
  readonly kid: string
}

const signatureLength = Math.ceil(64 * 8 / 6)

/** Gives what a token of the kind says; undefined for everything else. Fails as the search for its key does. */
export const tokenProver = <C extends Times, K extends KeptKey, E>(
  kind: TokenKind<C>,
  keyNamed: (kid: string) => Effect.Effect<K | undefined, E>,
) => {
  // Nothing else is in it: no `crit`, no key or address of a key that the token brings along.
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

/** The last character of 64 bytes carries two bits of them; with other bits behind these it would be another spelling. */
const isSignature = (text: string): boolean =>
  text.length === signatureLength &&
  Buffer.from(text, "base64url").toString("base64url") === text

/** The value that a part spells, if it is spelled as its signer would. */
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
