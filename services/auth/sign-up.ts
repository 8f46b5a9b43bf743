/**
 * Signs up a user, in two databases and crash-safe. The user is written as pending with a new
 * attempt id, billing opens the account (idempotent per username), and the user becomes active if
 * the row still belongs to this attempt. So:
 *
 * - a user who can log in has an account: no user is active before billing has confirmed;
 * - an account without a user blocks nobody: a new attempt overwrites the pending row;
 * - of simultaneous attempts the last to write its row wins, with its password; others get 409.
 *
 * A call to billing that timed out can still arrive after the winner's; billing then has the e-mail
 * address of that attempt. Nothing else can differ.
 */
import { Effect, Schedule } from "effect"
import { failpoint } from "#shared/failpoint.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { Billing } from "./billing.ts"
import { keysOf } from "./names.ts"
import type { NewUser } from "./new-user.ts"
import { Passwords } from "./passwords.ts"
import { SignUpLimit } from "./sign-up-limit.ts"
import { Turns } from "./turns.ts"
import { type Names, Users } from "./users.ts"

const taken = new Problem({
  status: 409,
  code: "username_taken",
  detail:
    "The username is taken, or looks like one that is. Choose another one, or log in if it is " +
    "yours.",
})

const shortly = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 4 }))

/** Signs up a user and returns what the answer shows. Fails with a 409, 429 or 503 Problem. */
export const makeSignUp = Effect.gen(function* () {
  const users = yield* Users
  const passwords = yield* Passwords
  const billing = yield* Billing
  const turns = yield* Turns
  const limit = yield* SignUpLimit

  /**
   * Re-sends the winning e-mail until billing's last update carries it: a loser's call may arrive
   * after the winner's.
   */
  const correct = (username: string, said: string): Effect.Effect<void, Transient> =>
    Effect.flatMap(
      users.find(username),
      (user) =>
        user === undefined || user.email === said ? Effect.void : Effect.andThen(
          billing.openAccount(username, user.email),
          correct(username, user.email),
        ),
    )

  /** Returns the hash of the password if the name is free: a taken one costs no hash. */
  const hashUnlessTaken = (names: Names, password: string) =>
    Effect.flatMap(
      users.isTaken(names),
      (isTaken) => isTaken ? Effect.fail(taken) : passwords.hash(password),
    )

  const signUp = Effect.fnUntraced(function* (user: NewUser, address: string) {
    const { username, password, email } = user
    const names = { username, ...keysOf(username) }
    const passwordHash = yield* turns.signUp([address], hashUnlessTaken(names, password))
    const attempt = crypto.randomUUID()
    if (!(yield* users.begin({ ...names, email, passwordHash, attempt }))) return yield* taken
    yield* failpoint("auth.user stored")
    yield* billing.openAccount(username, email)
    // A lost connection may hide the result; a retry gives the same one.
    if (yield* users.activate(username, attempt).pipe(Effect.retry(shortly))) {
      return { username, email }
    }
    yield* correct(username, email)
    return yield* taken
  })
  return (user: NewUser, address: string) => limit.count(address, signUp(user, address))
})
