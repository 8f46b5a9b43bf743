/**
 * The password of a logged-in user, asked for again before an act of the account's owner. It is
 * throttled by session, like a log-in from a known device, so that failures of strangers do not
 * stop a user who is logged in.
 */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { makePasswordTry, type PasswordTry } from "./password-try.ts"
import type { ProvedUser } from "./users.ts"

export const wrongPassword = new Problem({
  status: 403,
  code: "wrong_password",
  detail: "The password is wrong. Nothing was changed.",
})

/** An attempt of a user who is logged in. */
export type PasswordCheck = Required<PasswordTry>

/**
 * Returns the user with the hash that the password matches. Fails with a 403, 429 or 503 Problem.
 */
export const makePasswordCheck = Effect.gen(function* () {
  const tryPassword = yield* makePasswordTry
  return Effect.fnUntraced(function* (asked: PasswordCheck) {
    const { credentials, right } = yield* tryPassword(asked)
    const isRight = yield* Effect.fromResult(right)
    if (!isRight || credentials === undefined) return yield* wrongPassword
    return { username: asked.username, passwordHash: credentials.passwordHash } satisfies ProvedUser
  })
})
