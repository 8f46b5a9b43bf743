/** The routes to change the password and to delete the account; both ask for the password again. */
import { Effect } from "effect"
import { AccountClosing, ClosedAccount, PasswordChange, TokenPair } from "#shared/contracts/auth.ts"
import { publicBodyBytes as maxBytes, route } from "#shared/http/route.ts"
import { makeAccountClosing } from "./account-closing.ts"
import { AuditTrail, recorded } from "./audit-trail.ts"
import { sessionShown } from "./live-user.ts"
import { originOf, type TrustProxy } from "./origin.ts"
import { makePasswordChange } from "./password-change.ts"
import type { Lifetimes } from "./session-rules.ts"

const password = "correct horse battery"

export const accountRoutes = (options: TrustProxy & Pick<Lifetimes, "accessMs">) =>
  Effect.gen(function* () {
    const trail = yield* AuditTrail
    const changePassword = yield* makePasswordChange
    const close = yield* makeAccountClosing(options)
    return yield* Effect.all([
      route({
        method: "POST",
        path: "/api/auth/users/me/password/",
        summary: "Change your password; ends all your sessions and opens a new one",
        tag: "users",
        body: {
          schema: PasswordChange,
          maxBytes,
          example: { password, newPassword: "battery horse correct" },
        },
        answer: {
          status: 200,
          description: "Tokens of a new session; all others are over",
          schema: TokenPair,
        },
        problems: [403, 429],
        handle: Effect.fnUntraced(function* (input) {
          const { body, caller: { username }, request } = input
          const origin = originOf(input, options)
          const { address } = origin
          const session = yield* sessionShown(request)
          return {
            body: yield* recorded(
              trail,
              { event: "password-change", username, session, address },
              changePassword({ ...body, username, origin, session }),
            ),
          }
        }),
      }),
      route({
        method: "POST",
        path: "/api/auth/users/me/delete/",
        summary: "Delete your account; refused while you have unfinished orders",
        tag: "users",
        body: { schema: AccountClosing, maxBytes, example: { password } },
        answer: {
          status: 202,
          description: "The account is closed; your personal data is erased later",
          schema: ClosedAccount,
        },
        problems: [403, 409, 429],
        handle: Effect.fnUntraced(function* (input) {
          const { body, caller: { username }, request } = input
          const origin = originOf(input, options)
          const { address } = origin
          const session = yield* sessionShown(request)
          const erasedFrom = yield* recorded(
            trail,
            { event: "deletion", username, session, address },
            close({ ...body, username, origin, session }),
          )
          return { body: { username, erasedFrom: erasedFrom.toISOString() } }
        }),
      }),
    ])
  })
