/** A user's own password, asked for again before what only the owner of the account may do: throttled like a log-in. */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { LoginThrottle } from "./login-throttle.ts"
import { Passwords } from "./passwords.ts"
import { type ProvedUser, Users } from "./users.ts"

export const wrongPassword = new Problem({
  status: 403,
  code: "wrong_password",
  detail: "This is not your password. Nothing was changed.",
})

/** Gives the user with the hash that the password was right for. Fails with a 403, 429 or 503 Problem. */
export const makePasswordCheck = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const throttle = yield* LoginThrottle
  return Effect.fnUntraced(function* (username: string, password: string, address: string) {
    const found = yield* users.credentials(username, address)
    const right = yield* passwords.inTurn(
      throttle.attempt(
        { username, address, addressIsKnown: found?.addressIsKnown ?? false },
        passwords.matches(found?.passwordHash, password),
      ),
    )
    if (!right || found === undefined) return yield* wrongPassword
    return { username, passwordHash: found.passwordHash } satisfies ProvedUser
  })
})
