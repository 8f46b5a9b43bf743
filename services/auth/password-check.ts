/** A user's own password, asked for again before what only the owner of the account may do: throttled like a log-in. */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import type { Origin } from "./origin.ts"
import { makePasswordTry } from "./password-try.ts"
import type { ProvedUser } from "./users.ts"

export const wrongPassword = new Problem({
  status: 403,
  code: "wrong_password",
  detail: "This is not your password. Nothing was changed.",
})

/** Gives the user with the hash that the password was right for. Fails with a 403, 429 or 503 Problem. */
export const makePasswordCheck = Effect.gen(function* () {
  const tryPassword = yield* makePasswordTry
  return Effect.fnUntraced(function* (username: string, password: string, origin: Origin) {
    const { credentials, right } = yield* tryPassword(username, password, origin)
    const isRight = yield* Effect.fromResult(right)
    if (!isRight || credentials === undefined) return yield* wrongPassword
    return { username, passwordHash: credentials.passwordHash } satisfies ProvedUser
  })
})
