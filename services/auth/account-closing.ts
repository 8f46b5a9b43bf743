/**
 * Closes an account, in three databases and crash-safe. Closing is refused while the user has
 * orders that are not final. A closed account is gone for everybody at once: no log-in, no session,
 * no refresh. Personal data is erased later, when no access token of the user can place an order
 * and none of their orders is unfinished; an order that was placed between the check and the
 * closing becomes final like any other. Upkeep repeats whatever was cut off.
 *
 * The name stays for ever, here, at billing and at orders: the books stay true, and nobody signs up
 * with a name that has orders. What is left in the wallet stays on the books, too, and nobody can
 * use it.
 */
import { Clock, Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { AuditTrail } from "./audit-trail.ts"
import { Billing } from "./billing.ts"
import { Orders } from "./orders.ts"
import { makePasswordCheck, type PasswordCheck, wrongPassword } from "./password-check.ts"
import { type Lifetimes, skewMs, tokensUntil } from "./session-rules.ts"
import { Users } from "./users.ts"

const unfinished = new Problem({
  status: 409,
  code: "orders_unfinished",
  detail: "You have unfinished orders. Wait until they are final, and try again.",
})

/**
 * Closes a user's account and returns the earliest time of its erasure. Fails with a 403, 409, 429
 * or 503 Problem.
 */
export const makeAccountClosing = (lifetimes: Pick<Lifetimes, "accessMs">) =>
  Effect.gen(function* () {
    const users = yield* Users
    const orders = yield* Orders
    const check = yield* makePasswordCheck
    return Effect.fnUntraced(function* (asked: PasswordCheck) {
      const { username } = asked
      const user = yield* check(asked)
      if (yield* orders.hasUnfinished(username)) return yield* unfinished
      const now = yield* Clock.currentTimeMillis
      const eraseAt = new Date(tokensUntil(now, lifetimes) + skewMs)
      if (!(yield* users.close(user, eraseAt))) return yield* wrongPassword
      return eraseAt
    })
  })

const askedAgainAfterMs = 10 * 60_000

/**
 * Makes the effect that erases the closed accounts that are due. One that cannot be erased now does
 * not hold up the others.
 */
export const eraseClosed = Effect.gen(function* () {
  const users = yield* Users
  const orders = yield* Orders
  const billing = yield* Billing
  const trail = yield* AuditTrail
  const erase = Effect.fnUntraced(function* (username: string) {
    if (yield* orders.hasUnfinished(username)) {
      const now = yield* Clock.currentTimeMillis
      return yield* users.postponeErasure(username, new Date(now + askedAgainAfterMs))
    }
    yield* billing.eraseAccount(username)
    if (yield* users.erase(username)) {
      yield* trail.record({ event: "erasure", outcome: "done", username })
    }
  })
  return Effect.flatMap(users.toErase, (usernames) =>
    Effect.forEach(
      usernames,
      (username) =>
        Effect.catch(erase(username), ({ message }: Transient) =>
          Effect.logWarning("Erasing a closed account failed and is retried", { message })),
      { discard: true },
    ))
})
