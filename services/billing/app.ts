/**
 * Billing's routes: accounts for their owners, profiles for auth, reservations for the
 * orchestrator.
 */
import { Effect, Schema } from "effect"
import {
  Account as AccountView,
  ErasedAccount,
  NewProfile,
  Username,
} from "#shared/contracts/account.ts"
import { fromMinor } from "#shared/contracts/order.ts"
import { appWithFaults } from "#shared/faults/app.ts"
import { Problem } from "#shared/http/problem.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import { participantRoutes } from "#shared/reservations/participant.ts"
import { type Account, Accounts } from "./accounts.ts"

const view = ({ username, email, walletMinor }: Account) => ({
  body: { username, email, wallet: fromMinor(walletMinor) },
})

// The same answer for another user's account, so that names cannot be probed.
const noSuchAccount = new Problem({
  status: 404,
  code: "account_not_found",
  detail: "You have no account with this name. Use the username that you logged in with.",
})

/** `faults`: whether operators may set faults. */
export const billingApp = Effect.fnUntraced(function* (faults: boolean) {
  const accounts = yield* Accounts
  const database = yield* Database

  const getAccount = yield* route({
    method: "GET",
    path: "/api/accounts/:username",
    summary: "Your account and its wallet",
    tag: "accounts",
    params: Schema.Struct({ username: Username }),
    answer: { status: 200, description: "The account", schema: AccountView },
    problems: [404],
    handle: Effect.fnUntraced(function* ({ caller, params }) {
      const username = params.username.normalize("NFKC")
      if (caller.username !== username) return yield* noSuchAccount
      const account = yield* accounts.find(username)
      return account === undefined ? yield* noSuchAccount : view(account)
    }),
  })

  const openProfile = yield* route({
    method: "POST",
    path: "/api/profiles/",
    summary: "Open the account of a new user",
    body: { schema: NewProfile, maxBytes: publicBodyBytes },
    answer: { status: 201, description: "The account, new or already open", schema: AccountView },
    handle: ({ body }) => Effect.map(accounts.open(body.username, body.email), view),
  })

  const eraseAccount = yield* route({
    method: "POST",
    path: "/internal/accounts/erase",
    summary: "Erase the personal data of a closed account",
    body: { schema: ErasedAccount, maxBytes: publicBodyBytes },
    answer: {
      status: 200,
      description: "The data is erased; the books stay",
      schema: Schema.Struct({}),
    },
    handle: ({ body }) => Effect.as(accounts.erase(body.username), { body: {} }),
  })

  return yield* appWithFaults(faults, {
    name: "billing",
    description: "Accounts and their wallets.",
    routes: [getAccount, openProfile, eraseAccount, ...(yield* participantRoutes)],
    ready: { database: database.ping },
  })
})
