/**
 * Devices on which a user has logged in. Each log-in sets a signed token as a cookie, which tells
 * later attempts of the device from those of strangers (OWASP, "Slow Down Online Guessing Attacks
 * with Device Cookies"). A token grants nothing: the password is needed as before. It is bound to
 * the password of its time: a new password, which may replace a stolen one, makes every device a
 * stranger again.
 */
import { Clock, Context, Duration, Effect, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import { deviceClaims } from "#shared/security/claims.ts"
import { type TokenOptions, userTokenLimits, verifyToken } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { SigningKeys } from "./signing-keys.ts"

export const deviceTokenType = "device+jwt"
const cookieName = "unwind_device"
/** Matches the path of the log-in, with and without its slash. */
const cookiePath = "/api/token"

/** How long a device is known after its last log-in. */
export const deviceLifetime = Duration.days(90)

export interface Device {
  readonly id: string
  readonly username: string
  /** The fingerprint of the password with which it logged in. */
  readonly password: string
}

export class Devices extends Context.Service<Devices, {
  /** The user's device whose token the request carries; undefined for any other token. */
  readonly shown: (request: Request, username: string) => Effect.Effect<Device | undefined>
  /** Whether the device has logged in with the password of this hash. */
  readonly isCurrent: (device: Device, passwordHash: string) => boolean
  /** The cookie of a device that has logged in: of the one that was shown, or of a new one. */
  readonly cookie: (
    username: string,
    passwordHash: string,
    shown: Device | undefined,
    secure: boolean,
  ) => Effect.Effect<string, Transient>
}>()("unwind/auth/Devices") {}

export const devicesLayer = (
  options: TokenOptions,
): Layer.Layer<Devices, never, SigningKeys> =>
  Layer.effect(
    Devices,
    Effect.map(SigningKeys, ({ trust, sign }) => {
      const prove = verifyToken(trust, {
        type: deviceTokenType,
        claims: deviceClaims(options),
        limits: () => userTokenLimits(Duration.toSeconds(deviceLifetime)),
      })
      return Devices.of({
        shown: Effect.fnUntraced(function* (request, username) {
          const token = cookieOf(request)
          if (token === undefined) return undefined
          const proved = Option.getOrUndefined(yield* Effect.option(prove(token)))
          if (proved?.claims.sub !== username) return undefined
          const [id = "", password = ""] = proved.claims.jti.split(".")
          return { id, username, password }
        }),
        isCurrent: ({ password }, passwordHash) => password === fingerprint(passwordHash),
        cookie: Effect.fnUntraced(function* (username, passwordHash, shown, secure) {
          const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const seconds = Duration.toSeconds(deviceLifetime)
          const token = yield* sign(deviceTokenType, {
            iss: options.issuer,
            aud: options.audience,
            sub: username,
            jti: `${shown?.id ?? crypto.randomUUID()}.${fingerprint(passwordHash)}`,
            iat: nowSeconds,
            exp: nowSeconds + seconds,
          })
          return `${cookieName}=${token}; Path=${cookiePath}; Max-Age=${seconds}; HttpOnly; ` +
            `SameSite=Strict${secure ? "; Secure" : ""}`
        }),
      })
    }),
  )

/** Identifies the hash, and reveals nothing of it, since nobody can guess its salt. */
const fingerprint = (passwordHash: string): string =>
  createHash("sha256").update(passwordHash).digest("base64url").slice(0, 16)

const cookieOf = (request: Request): string | undefined =>
  request.headers.get("cookie")?.split(/; */)
    .find((pair) => pair.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1)
