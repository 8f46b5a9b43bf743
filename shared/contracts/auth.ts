/**
 * Users and their tokens (auth). Usernames are compared in NFKC and passwords in NFC, so that the
 * same word typed on two keyboards is one word; decoding brings them there before anything else
 * sees them.
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

/** The name of a new user, which keeps its case; "." and ".." would be lost from a path. */
const NewUsername = normalized("NFKC", usernameRule).check(
  Schema.makeFilter((name) =>
    (name.length <= maxUsernameLength && /^(?!\.{1,2}$)[\p{L}\p{M}\p{Nd}@.+_-]+$/u.test(name)) ||
    usernameRule
  ),
)

/** Of any characters, counted as a person does, in code points; a lone surrogate is not one. */
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

/** POST /api/token/: a name that nobody can have is simply unknown. */
export const LogIn = Schema.Struct({
  username: normalized("NFKC", "the username").check(Schema.isMaxLength(maxUsernameLength)),
  password: normalized("NFC", "the password"),
}).annotate({ identifier: "LogIn" })

/**
 * What a log-in and a refresh give: `access` to show with each request, `refresh` to get the next
 * pair with.
 */
export const TokenPair = Schema.Struct({
  access: Schema.String,
  refresh: Schema.String,
}).annotate({ identifier: "TokenPair" })

/** POST /api/auth/users/me/password/: the password that holds, and the one that is to. */
export const PasswordChange = Schema.Struct({
  password: normalized("NFC", "your password"),
  newPassword: NewPassword,
}).annotate({ identifier: "PasswordChange" })

/** POST /api/auth/users/me/delete/ */
export const AccountClosing = Schema.Struct({
  password: normalized("NFC", "your password"),
}).annotate({ identifier: "AccountClosing" })

/** From `erasedFrom` (ISO 8601) on, what is known of the person is erased. */
export const ClosedAccount = Schema.Struct({
  username: Schema.String,
  erasedFrom: Schema.String,
}).annotate({ identifier: "ClosedAccount" })

/**
 * A log-in and its refreshes. Times are ISO 8601; `current` is the session of the token that was
 * shown.
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

/** POST /api/token/verify/: of either kind. */
export const VerifyRequest = Schema.Struct({ token: Token }).annotate({
  identifier: "VerifyRequest",
})

/** POST /api/token/first-operator/: the token of the address that `npm start` printed. */
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

/** Where a reader of `Trusted` goes on, as decimal digits. */
const Position = Schema.String.check(Schema.isPattern(/^[0-9]{1,19}$/))

/**
 * GET /internal/jwks.json?after=POSITION: without a position, all sessions whose access tokens may
 * still be valid.
 */
export const TrustedQuery = Schema.Struct({ after: Schema.optionalKey(Position) })

/**
 * What services prove users' tokens by: a JSON Web Key Set, and the sessions that have ended before
 * their tokens did.
 */
export const Trusted = Schema.Struct({
  ...PublicKeys.fields,
  /** The longest that an access token lives. */
  accessTokenSeconds: Schema.Int.check(Schema.isGreaterThan(0)),
  /** The ids of those that ended after the position asked for; some may be told again. */
  endedSessions: Schema.Array(Schema.String),
  /** Where to go on the next time. */
  position: Position,
}).annotate({ identifier: "Trusted" })
export type Trusted = typeof Trusted.Type
