/**
 * The claims of users' and services' tokens (RFC 7519): one schema for each kind, which a token
 * must fit even if its signature is right. A signer is as fallible as any other program: anything
 * inexact is refused here, before it reaches a database or a log.
 */
import { Schema } from "effect"
import { isKeepable } from "#shared/contracts/text.ts"
import { callers } from "#shared/roster.ts"

/** Seconds since the epoch: a whole number, up to the year 9999. */
const seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799 }))

const times = { iat: seconds, exp: seconds, nbf: Schema.optionalKey(seconds) }

/** When a token was issued and expires, in seconds since the epoch. */
export interface Times {
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
}

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
const like = (pattern: string) => Schema.String.check(Schema.isPattern(new RegExp(`^${pattern}$`)))

/** Every name that was ever allowed; the rules for new names are stricter, and may change. */
const username = Schema.String.check(
  Schema.makeFilter((name) =>
    name.length > 0 && name.length <= 150 && isKeepable(name) && !/\p{Cc}/u.test(name)
  ),
)

export interface Issued {
  readonly issuer: string
  readonly audience: string
}

const ofUser = ({ issuer, audience }: Issued) => ({
  ...times,
  iss: Schema.Literal(issuer),
  aud: Schema.Literal(audience),
  sub: username,
})

/** An access token names its session, which ends it, and the role of an operator. */
export const accessClaims = (issued: Issued) =>
  Schema.Struct({
    ...ofUser(issued),
    jti: like(uuid),
    sid: like(uuid),
    role: Schema.optionalKey(Schema.Literal("operator")),
  })

/** The id of a refresh token is its session and its generation in it. */
export const refreshClaims = (issued: Issued) =>
  Schema.Struct({ ...ofUser(issued), jti: like(`${uuid}\\.[0-9]{1,9}`) })

/** The id of a device's token is the device, and the password that was right there. */
export const deviceClaims = (issued: Issued) =>
  Schema.Struct({ ...ofUser(issued), jti: like(`${uuid}\\.[\\w-]{16}`) })

/** A service's token names the caller and the callee. */
export const serviceClaims = (self: string) =>
  Schema.Struct({ ...times, iss: Schema.Literals(callers), aud: Schema.Literal(self) })

export interface Limits {
  /** The longest lifetime of the kind. */
  readonly longestSeconds: number
  /** How far its expiry may be behind the reader's clock, and its start (nbf) ahead of it. */
  readonly lateSeconds: number
  /** How far its time of issue may be ahead of the reader's clock. */
  readonly aheadSeconds: number
}

/**
 * Whether a token is valid at that second: not expired, not from the future, and no longer-lived
 * than its kind allows.
 */
export const isGoodAt = (nowSeconds: number, { iat, exp, nbf }: Times, limits: Limits): boolean =>
  exp > iat && exp - iat <= limits.longestSeconds &&
  exp > nowSeconds - limits.lateSeconds &&
  iat <= nowSeconds + limits.aheadSeconds &&
  (nbf === undefined || nbf <= nowSeconds + limits.lateSeconds)
