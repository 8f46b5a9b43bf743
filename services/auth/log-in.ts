/**
 * Logging in. The same work is done and the same answer given for a name that is unknown, one whose sign-up is not
 * through, and a wrong password.
 */
import { Effect } from "effect"
import { Problem, unavailable } from "#shared/http/problem.ts"
import { Devices } from "./devices.ts"
import { LoginThrottle } from "./login-throttle.ts"
import { Passwords } from "./passwords.ts"
import { Sessions } from "./sessions.ts"
import { Turns } from "./turns.ts"
import { type Credentials, Users } from "./users.ts"

const wrongCredentials = new Problem({
  status: 401,
  code: "wrong_credentials",
  detail: "No user has this username and password. Check both, or sign up: POST /api/auth/users/.",
})

export interface Origin {
  readonly request: Request
  readonly address: string
  /** Whether it came over TLS, so that the device's cookie may stay there. */
  readonly secure: boolean
  /** Succeeds when the server wants to close: nobody is held then. */
  readonly closing: Effect.Effect<void>
}

const stopping = Effect.fail(unavailable("The service is stopping."))

interface Checked {
  readonly right: boolean
  readonly credentials: Credentials | undefined
}

/** Logs in and gives the first pair of tokens and the device's cookie. Fails with a 401, 429 or 503 Problem. */
export const makeLogIn = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const throttle = yield* LoginThrottle
  const sessions = yield* Sessions
  const devices = yield* Devices
  const turns = yield* Turns

  return Effect.fnUntraced(function* (username: string, password: string, origin: Origin) {
    const { request, address, secure, closing } = origin
    const shown = yield* devices.shown(request, username)
    // A user has one share at an address, whatever the number of devices: anybody may make many.
    const share = [address, shown === undefined ? "" : username]

    const credentials = users.credentials(username, address)
    const check = (credentials: Credentials | undefined): Effect.Effect<Checked> =>
      Effect.map(
        passwords.matches(credentials?.passwordHash, password),
        (right) => ({ right, credentials }),
      )
    /** Gives what is left to do when the turn is over. */
    const attempt = Effect.gen(function* () {
      const found = yield* credentials
      const isKnown = shown !== undefined && found !== undefined &&
        devices.isCurrent(shown, found.passwordHash)
      const permit = yield* throttle.permit({
        username,
        address,
        device: isKnown ? shown.id : undefined,
        addressIsKnown: found?.addressIsKnown ?? false,
      })
      const counted = <E>(checked: Effect.Effect<Checked, E>) =>
        checked.pipe(
          Effect.tap(({ right }) => right ? permit.putBack : Effect.void),
          Effect.onError(() => permit.putBack),
        )
      if (permit.hold === undefined) return Effect.succeed(yield* counted(check(found)))
      // While it is held the password may be changed.
      const later = turns.logIn(share, Effect.flatMap(credentials, check))
      const held = Effect.raceFirst(permit.hold, Effect.andThen(closing, stopping))
      return counted(Effect.andThen(held, later))
    })

    // Asked when the turn has come: however many try at once, few are between the count and its outcome. One that is held
    // leaves its turn to others.
    const { right, credentials: found } = yield* Effect.flatten(turns.logIn(share, attempt))
    if (right && found !== undefined) {
      return {
        tokens: yield* sessions.open(username, address),
        cookie: yield* devices.cookie(username, found.passwordHash, shown, secure),
      }
    }
    // Without the name: some type their password there.
    yield* Effect.logInfo("A log-in failed", { address })
    return yield* wrongCredentials
  })
})
