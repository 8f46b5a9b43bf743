/** Accounts (billing): the wallet that a customer pays from, and the profile that auth opens at sign-up. */
import { Schema } from "effect"
import { Resource } from "./reservation.ts"

/** Billing reserves of the account that it names. */
export const Username = Resource

export const Account = Schema.Struct({
  username: Schema.String,
  email: Schema.String,
  wallet: Schema.Finite,
}).annotate({ identifier: "Account" })

/** POST /api/profiles/, from auth only. Said again of the same username, it changes nothing but the email. */
export const NewProfile = Schema.Struct({
  username: Username,
  email: Schema.String.check(Schema.isMaxLength(254)),
}).annotate({ identifier: "NewProfile" })
