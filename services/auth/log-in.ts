/**
 * Logs in. An unknown name, one whose sign-up is not complete, and a wrong password take the same
 * work and get the same answer.
 */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { AuditTrail, endingOf } from "./audit-trail.ts"
import { Devices } from "./devices.ts"
import type { Origin } from "./origin.ts"
import { makePasswordTry } from "./password-try.ts"
import { Sessions } from "./sessions.ts"

const wrongCredentials = new Problem({
  status: 401,
  code: "wrong_credentials",
  detail: "No user has this username and password. Check both, or sign up: POST /api/auth/users/.",
})

/**
 * Logs in, and returns the first pair of tokens and the cookie of the device. Fails with a 401, 429
 * or 503 Problem.
 */
export const makeLogIn = Effect.gen(function* () {
  const tryPassword = yield* makePasswordTry
  const sessions = yield* Sessions
  const devices = yield* Devices
  const trail = yield* AuditTrail

  return Effect.fnUntraced(function* (username: string, password: string, origin: Origin) {
    const { address, secure } = origin
    const { credentials, device, right } = yield* tryPassword({ username, password, origin })
    // The name is recorded only if there is such a user: some people type their password there.
    const about = { event: "log-in" as const, address, ...(credentials && { username }) }
    const isRight = yield* Effect.tapError(
      Effect.fromResult(right),
      (error) => trail.record({ ...about, ...endingOf(error) }),
    )
    const opened = isRight && credentials !== undefined
      ? yield* sessions.open({ username, passwordHash: credentials.passwordHash }, address)
      : undefined
    if (opened === undefined || credentials === undefined) {
      yield* trail.record({ ...about, ...endingOf(wrongCredentials) })
      return yield* wrongCredentials
    }
    yield* trail.record({ ...about, session: opened.session, outcome: "done" })
    return {
      tokens: opened.tokens,
      cookie: yield* devices.cookie(username, credentials.passwordHash, device, secure),
    }
  })
})
