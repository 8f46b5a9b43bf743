/**
 * A user's own password, asked for again before what only the owner of the account may do: throttled like a log-in from a device
 * that is known, a session at a time. So strangers who fail keep nobody from it who is logged in.
 */
import { Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { makePasswordTry, type PasswordTry } from "./password-try.ts"
import type { ProvedUser } from "./users.ts"

export const wrongPassword = new Problem({
  status: 403,
  code: "wrong_password",
  detail: "This is not your password. Nothing was changed.",
})

/** A try of somebody who is logged in. */
export type PasswordCheck = Required<PasswordTry>

/** Gives the user with the hash that the password was right for. Fails with a 403, 429 or 503 Problem. */
export const makePasswordCheck = Effect.gen(function* () {
  const tryPassword = yield* makePasswordTry
  return Effect.fnUntraced(function* (asked: PasswordCheck) {
    const { credentials, right } = yield* tryPassword(asked)
    const isRight = yield* Effect.fromResult(right)
    if (!isRight || credentials === undefined) return yield* wrongPassword
    return { username: asked.username, passwordHash: credentials.passwordHash } satisfies ProvedUser
  })
})
