/**
 * Changes the password. This ends every session, as somebody else may be in one, and opens a new
 * one for the user. Of simultaneous changes one takes effect; a log-in with the previous password
 * opens no session.
 */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { wrongToken } from "#shared/security/user-tokens.ts"
import { weaknessOf } from "./new-user.ts"
import { makePasswordCheck, type PasswordCheck, wrongPassword } from "./password-check.ts"
import { Passwords } from "./passwords.ts"
import { Sessions } from "./sessions.ts"
import { Turns } from "./turns.ts"
import { Users } from "./users.ts"

export interface PasswordChange extends PasswordCheck {
  readonly newPassword: string
}

const weak = (issue: string) =>
  new Problem({
    status: 400,
    code: "invalid_request",
    detail: `The request body is invalid: newPassword: ${issue}.`,
    errors: [{ path: "newPassword", message: issue }],
  })

/**
 * Changes a user's password and returns the tokens of a new session. Fails with a 400, 401, 403,
 * 429 or 503 Problem.
 */
export const makePasswordChange = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const sessions = yield* Sessions
  const turns = yield* Turns
  const check = yield* makePasswordCheck
  return Effect.fnUntraced(
    function* ({ newPassword, ...asked }: PasswordChange) {
      const { username, origin } = asked
      const user = yield* users.find(username)
      if (user === undefined) return yield* wrongToken
      const weakness = weaknessOf({ username, password: newPassword, email: user.email })
      if (weakness !== undefined) return yield* weak(weakness)
      const proved = yield* check(asked)
      const passwordHash = yield* turns.logIn(
        [origin.address, username],
        passwords.hash(newPassword),
      )
      // Another change came first, so the password is no longer right.
      if (!(yield* users.setPassword(proved, passwordHash))) return yield* wrongPassword
      const opened = yield* sessions.open({ username, passwordHash }, origin.address)
      return opened === undefined ? yield* wrongPassword : opened.tokens
    },
  )
})
