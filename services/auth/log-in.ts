/**
 * Logging in. The same work is done and the same answer given for a name that is unknown, one whose sign-up is not
 * through, and a wrong password.
 */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { AuditTrail, endingOf } from "./audit-trail.ts"
import { LoginThrottle } from "./login-throttle.ts"
import { Passwords } from "./passwords.ts"
import { Sessions } from "./sessions.ts"
import { Users } from "./users.ts"

const wrongCredentials = new Problem({
  status: 401,
  code: "wrong_credentials",
  detail: "No user has this username and password. Check both, or sign up: POST /api/auth/users/.",
})

/** Logs in and gives the first pair of tokens. Fails with a 401, 429 or 503 Problem. */
export const makeLogIn = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const throttle = yield* LoginThrottle
  const sessions = yield* Sessions
  const trail = yield* AuditTrail

  return Effect.fnUntraced(function* (username: string, password: string, address: string) {
    const credentials = yield* users.credentials(username, address)
    const addressIsKnown = credentials?.addressIsKnown ?? false
    // The name only where there is such a user: some type their password there.
    const about = { event: "log-in", address, ...(credentials && { username }) }
    // Asked when the turn has come: however many try at once, few are between the count and its outcome.
    const right = yield* passwords.inTurn(
      throttle.attempt(
        { username, address, addressIsKnown },
        passwords.matches(credentials?.passwordHash, password),
      ),
    ).pipe(Effect.tapError((error) => trail.record({ ...about, ...endingOf(error) })))
    const opened = right && credentials !== undefined
      ? yield* sessions.open({ username, passwordHash: credentials.passwordHash }, address)
      : undefined
    if (opened === undefined) {
      yield* trail.record({ ...about, ...endingOf(wrongCredentials) })
      return yield* wrongCredentials
    }
    yield* trail.record({ ...about, session: opened.session, outcome: "done" })
    return opened.tokens
  })
})
