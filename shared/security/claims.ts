/**
 * What the tokens of users and services say (RFC 7519): one schema for each kind, which a token has to fit although its
 * signature is right. Whoever signs is as fallible as any other program: what is not exactly as it should be is refused here,
 * before a database or a log meets it.
 */
import { Schema } from "effect"
import { isKeepable } from "#shared/contracts/text.ts"
import { callers } from "#shared/roster.ts"

/** Seconds since the epoch: a whole number, up to the year 9999. */
const seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799 }))

const times = { iat: seconds, exp: seconds, nbf: Schema.optionalKey(seconds) }

/** When a token was made and until when it is good, in seconds since the epoch. */
export interface Times {
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
}

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
const like = (pattern: string) => Schema.String.check(Schema.isPattern(new RegExp(`^${pattern}$`)))

/** Anything that a name has ever been allowed to be; what new ones are held to is stricter, and may change. */
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

/** An access token names its session, with which it ends, and the role of a user who has one. */
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

/** The id of a device's token is the device and which password was right there. */
export const deviceClaims = (issued: Issued) =>
  Schema.Struct({ ...ofUser(issued), jti: like(`${uuid}\\.[\\w-]{16}`) })

/** A service's token says who calls whom. */
export const serviceClaims = (self: string) =>
  Schema.Struct({ ...times, iss: Schema.Literals(callers), aud: Schema.Literal(self) })

export interface Limits {
  /** The longest that a token of the kind lives. */
  readonly longestSeconds: number
  /** How far behind the reader's clock its end may be, and how far ahead its beginning (nbf). */
  readonly lateSeconds: number
  /** How far ahead of the reader's clock it may have been issued. */
  readonly aheadSeconds: number
}

/** Whether a token is good at that second: not over, not from the future, and not longer than one of its kind can be. */
export const isGoodAt = (nowSeconds: number, { iat, exp, nbf }: Times, limits: Limits): boolean =>
  exp > iat && exp - iat <= limits.longestSeconds &&
  exp > nowSeconds - limits.lateSeconds &&
  iat <= nowSeconds + limits.aheadSeconds &&
  (nbf === undefined || nbf <= nowSeconds + limits.lateSeconds)
