/**
 * Users and their tokens (auth). Usernames are compared in NFKC and passwords in NFC, so that two
 * keyboards that encode the same text differently agree. Decoding normalizes both.
 */
import { Schema, SchemaGetter } from "effect"

const normalized = (form: "NFC" | "NFKC", description: string) =>
  Schema.String.annotate({ description }).pipe(
    Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transform((text: string) => text.normalize(form)),
      encode: SchemaGetter.passthrough(),
    }),
  )

const maxUsernameLength = 150
const usernameRule = "must be 1 to 150 letters, digits or @ . + - _, and not . or .. alone"
const passwordRule = "must be 8 to 128 characters"
const emailRule = "must be an e-mail address of at most 254 characters"

/**
 * The name of a new user. Its case is kept. "." and ".." are refused, since URL paths drop such
 * segments.
 */
const NewUsername = normalized("NFKC", usernameRule).check(
  Schema.makeFilter((name) =>
    (name.length <= maxUsernameLength && /^(?!\.{1,2}$)[\p{L}\p{M}\p{Nd}@.+_-]+$/u.test(name)) ||
    usernameRule
  ),
)

/** Any characters. The length counts code points; lone surrogates are refused. */
const NewPassword = normalized("NFC", passwordRule).check(
  Schema.makeFilter((password) => {
    const { length } = [...password]
    return (length >= 8 && length <= 128 && password.isWellFormed()) || passwordRule
  }),
)

const Email = Schema.String.annotate({ description: emailRule }).check(
  Schema.makeFilter((email) =>
    (email.length <= 254 && /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(email)) || emailRule
  ),
)

/** POST /api/auth/users/ */
export const SignUp = Schema.Struct({
  username: NewUsername,
  password: NewPassword,
  email: Email,
}).annotate({ identifier: "SignUp" })

export const User = Schema.Struct({
  username: Schema.String,
  email: Schema.String,
}).annotate({ identifier: "User" })

/**
 * POST /api/token/: the username's characters are not checked, an impossible name is just unknown.
 */
export const LogIn = Schema.Struct({
  username: normalized("NFKC", "the username").check(Schema.isMaxLength(maxUsernameLength)),
  password: normalized("NFC", "the password"),
}).annotate({ identifier: "LogIn" })

/**
 * The answer to a log-in and to a refresh: `access` goes with each request, `refresh` gets the next
 * pair.
 */
export const TokenPair = Schema.Struct({
  access: Schema.String,
  refresh: Schema.String,
}).annotate({ identifier: "TokenPair" })

/** POST /api/auth/users/me/password/: the current password and the new one. */
export const PasswordChange = Schema.Struct({
  password: normalized("NFC", "your password"),
  newPassword: NewPassword,
}).annotate({ identifier: "PasswordChange" })

/** POST /api/auth/users/me/delete/ */
export const AccountClosing = Schema.Struct({
  password: normalized("NFC", "your password"),
}).annotate({ identifier: "AccountClosing" })

/** The person's data is erased from `erasedFrom` (ISO 8601) on. */
export const ClosedAccount = Schema.Struct({
  username: Schema.String,
  erasedFrom: Schema.String,
}).annotate({ identifier: "ClosedAccount" })

/**
 * A log-in and its refreshes. Times are ISO 8601; `current` marks the session of the request's own
 * token.
 */
export const SessionView = Schema.Struct({
  id: Schema.String,
  createdAt: Schema.String,
  lastUsedAt: Schema.String,
  expiresAt: Schema.String,
  address: Schema.String,
  current: Schema.Boolean,
}).annotate({ identifier: "Session" })

export const SessionId = Schema.String.check(Schema.isUUID())

const Token = Schema.String.check(Schema.isMaxLength(4096))

/** POST /api/token/refresh/, POST /api/token/logout/ */
export const RefreshRequest = Schema.Struct({ refresh: Token }).annotate({
  identifier: "RefreshRequest",
})

/** POST /api/token/verify/: an access or a refresh token. */
export const VerifyRequest = Schema.Struct({ token: Token }).annotate({
  identifier: "VerifyRequest",
})

/** POST /api/token/first-operator/: the token in the address that `npm start` prints. */
export const FirstSignInRequest = Schema.Struct({
  token: Schema.String.check(Schema.isPattern(/^[\w-]{1,100}$/)),
}).annotate({ identifier: "FirstSignInRequest" })

/** GET /.well-known/jwks.json (RFC 7517, RFC 8037) */
export const PublicKeys = Schema.Struct({
  keys: Schema.Array(Schema.Struct({
    kty: Schema.Literal("OKP"),
    crv: Schema.Literal("Ed25519"),
    x: Schema.String,
    kid: Schema.String,
    alg: Schema.Literal("EdDSA"),
    use: Schema.Literal("sig"),
  })),
}).annotate({ identifier: "PublicKeys" })
export type PublicKey = (typeof PublicKeys.Type)["keys"][number]

/** Where a reader of `Trusted` resumes, as decimal digits. */
const Position = Schema.String.check(Schema.isPattern(/^[0-9]{1,19}$/))

/**
 * GET /internal/jwks.json?after=POSITION: without a position, all ended sessions whose access
 * tokens may still be valid.
 */
export const TrustedQuery = Schema.Struct({ after: Schema.optionalKey(Position) })

/**
 * What services verify users' tokens with: a JSON Web Key Set, and the sessions that ended before
 * their tokens expire.
 */
export const Trusted = Schema.Struct({
  ...PublicKeys.fields,
  /** The longest lifetime of an access token. */
  accessTokenSeconds: Schema.Int.check(Schema.isGreaterThan(0)),
  /** The ids of sessions that ended after the requested position; some may be repeated. */
  endedSessions: Schema.Array(Schema.String),
  /** The `after` of the next request. */
  position: Position,
}).annotate({ identifier: "Trusted" })
export type Trusted = typeof Trusted.Type
