/**
 * An attempt at a user's password: in its turn, throttled, and held for a while after failures. An
 * unknown name takes as long as a wrong password.
 */
import { Effect, type Result } from "effect"
import { type Problem, unavailable } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { type Device, Devices } from "./devices.ts"
import { LoginThrottle } from "./login-throttle.ts"
import type { Origin } from "./origin.ts"
import { Passwords } from "./passwords.ts"
import { Turns } from "./turns.ts"
import { type Credentials, Users } from "./users.ts"

export interface Tried {
  /**
   * What the password was compared with; undefined when there is no such user, or the attempt did
   * not get that far.
   */
  readonly credentials: Credentials | undefined
  /** The device that was shown. */
  readonly device: Device | undefined
  /** Whether the password was right, or why that is unknown: a 429 or 503 Problem, or Transient. */
  readonly right: Result.Result<boolean, Problem | Transient>
}

const stopping = Effect.fail(unavailable("The service is stopping."))

export interface PasswordTry {
  readonly username: string
  readonly password: string
  readonly origin: Origin
  /** The live session of the user who asks; none for a log-in. */
  readonly session?: string
}

export const makePasswordTry = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const throttle = yield* LoginThrottle
  const devices = yield* Devices
  const turns = yield* Turns

  return Effect.fnUntraced(function* ({ username, password, origin, session }: PasswordTry) {
    const { request, address, closing } = origin
    const device = yield* devices.shown(request, username)
    // A user has one share at an address, whatever the number of devices: anybody can make many.
    const isStranger = device === undefined && session === undefined
    const share = [address, isStranger ? "" : username]

    let credentials: Credentials | undefined
    const look = Effect.tap(
      users.credentials(username, address),
      (found) => Effect.sync(() => credentials = found),
    )
    const check = Effect.suspend(() => passwords.matches(credentials?.passwordHash, password))
    /** Returns what is left to do after the turn. */
    const attempt = Effect.gen(function* () {
      const found = yield* look
      const isKnown = device !== undefined && found !== undefined &&
        devices.isCurrent(device, found.passwordHash)
      const permit = yield* throttle.permit({
        username,
        address,
        device: session ?? (isKnown ? device.id : undefined),
        addressIsKnown: found?.addressIsKnown ?? false,
      })
      const counted = <E>(checked: Effect.Effect<boolean, E>) =>
        checked.pipe(
          Effect.tap((right) => right ? permit.putBack : Effect.void),
          Effect.onError(() => permit.putBack),
        )
      if (permit.hold === undefined) return Effect.succeed(yield* counted(check))
      // The password may change while the attempt is held, so it is read again.
      const later = turns.logIn(share, Effect.andThen(look, check))
      const held = Effect.raceFirst(permit.hold, Effect.andThen(closing, stopping))
      return counted(Effect.andThen(held, later))
    })

    // Counted within the turn, so that few attempts at a time are between the count and its
    // outcome. A held attempt leaves its turn to others.
    const right = yield* Effect.result(Effect.flatten(turns.logIn(share, attempt)))
    return { credentials, device, right } satisfies Tried
  })
})
