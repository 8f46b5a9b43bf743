/**
 * Accounts (billing): the wallet that a customer pays from, and the profile that auth opens at
 * sign-up.
 */
import { Schema } from "effect"
import { Resource } from "./reservation.ts"

/** The resource of billing's reservations: the account's username. */
export const Username = Resource

export const Account = Schema.Struct({
  username: Schema.String,
  email: Schema.String,
  wallet: Schema.Finite,
}).annotate({ identifier: "Account" })

/**
 * POST /api/profiles/, from auth only. Repeated for the same username, it updates only the email.
 */
export const NewProfile = Schema.Struct({
  username: Username,
  email: Schema.String.check(Schema.isMaxLength(254)),
}).annotate({ identifier: "NewProfile" })

/** Names the user that a service asks another one about. */
export const UserQuery = Schema.Struct({ username: Username })

/**
 * POST /internal/accounts/erase, from auth only: the account stays on the books, without its
 * personal data.
 */
export const ErasedAccount = Schema.Struct({ username: Username }).annotate({
  identifier: "ErasedAccount",
})

/** GET /internal/users/unfinished, for auth only: whether a user has orders that are not final. */
export const UnfinishedOrders = Schema.Struct({ unfinished: Schema.Boolean }).annotate({
  identifier: "UnfinishedOrders",
})
