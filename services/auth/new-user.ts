/**
 * What a sign-up needs beyond the contract: a name that cannot be taken for another one, and a
 * password that is not among the first that guessers try.
 */
import { dictionary } from "@zxcvbn-ts/language-common"
import { Schema } from "effect"
import { SignUp } from "#shared/contracts/auth.ts"
import { isUnambiguous } from "./names.ts"

const common = new Set(dictionary["passwords-common"].filter((word) => word.length >= 8))

/** What is wrong with a password that guessers try first; undefined for any other. */
export const weaknessOf = (
  { username, password, email }: typeof SignUp.Type,
): string | undefined => {
  const tried = password.toLowerCase()
  return common.has(tried)
    ? "is one of the most used passwords; choose another one"
    : tried === username.toLowerCase() || tried === email.toLowerCase()
    ? "must not be the username or the e-mail address"
    : undefined
}

export const NewUser = SignUp.check(
  Schema.makeFilter(({ username }) =>
    isUnambiguous(username) || {
      path: ["username"],
      issue: "must be written in one script, with digits of one kind and nothing invisible",
    }
  ),
  Schema.makeFilter((user) => {
    const issue = weaknessOf(user)
    return issue && { path: ["password"], issue }
  }),
).annotate({ identifier: "SignUp" })
export type NewUser = typeof NewUser.Type
