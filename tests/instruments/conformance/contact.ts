/**
 * The first questions: whether there is a participant that can be tried at all. What cannot is one
 * line with the remedy.
 */
import { excerpt } from "./answers.ts"
import { Broken, type Rule } from "./check.ts"
import type { Kit } from "./kit.ts"
import { type Answer, Unanswered } from "./wire.ts"

/** Nothing can be tried; the message says why, and what to do. */
export class Unusable extends Error {}

export interface Contact {
  readonly url: string
  readonly hasKey: boolean
}

/** The rule that the first questions try on the way. */
export const firstContact: Rule = {
  name: "first-contact",
  at: "the-answer",
  tries:
    "a cancel of a new order, and reserves and cancels that find out, twice, how much is available",
  says:
    "Each command is answered with its order and one of four outcomes, and a cancel gives back.",
}

/**
 * Resolves when it answers, and something is available. Rejects with Unusable, and with Broken
 * where it breaks a rule.
 */
export const makeContact = async (kit: Kit, contact: Contact): Promise<void> => {
  await isThere(kit, contact)
  const answer = await kit.ask(kit.request([kit.cancel(kit.order())])).catch((error) => {
    throw error instanceof Broken ? new Unusable(`${contact.url}: ${error.message}`) : error
  })
  const why = whyUnusable(answer, kit.resource, contact)
  if (why !== undefined) throw new Unusable(why)
  await kit.one(kit.cancel(kit.order()))
  kit.available = await kit.left(1)
  if (kit.available === 0) throw new Unusable(nothingOf(kit, contact))
  const again = await kit.left()
  if (again === kit.available) return
  throw new Broken(
    `${kit.available} were available of ${kit.resource}, and then ${again}, though all was cancelled that was reserved: ` +
      "a cancel does not give back what was taken, or somebody else uses it",
  )
}

const nothingOf = ({ resource }: Kit, { url }: Contact): string =>
  `Nothing is available of ${excerpt(resource)} at ${url}: name a --resource that it has, ` +
  "with at least 1 left, and that nobody else uses"

const isThere = async (kit: Kit, { url }: Contact) => {
  try {
    await kit.wire.send({ method: "GET", path: "/readyz", token: null })
  } catch (error) {
    if (!(error instanceof Unanswered) || error.kind === "aborted") throw error
    throw new Unusable(
      `There is no participant at ${url}: it ${error.message}. Start it, or mend --url`,
    )
  }
}

const whyUnusable = (
  { status, text }: Answer,
  resource: string,
  { url, hasKey }: Contact,
): string | undefined => {
  const said = `${status}: ${excerpt(text === "" ? "nothing" : text)}`
  if (status === 401 || status === 403) {
    return hasKey
      ? `${url} does not let this key in (${said}): --key is the private key of a caller that it knows, and --name its own name`
      : `${url} wants a token (${said}): give --key and --name`
  }
  if (status === 404 || status === 405 || (status >= 300 && status < 400)) {
    return `There is no POST /internal/reservations at ${url} (${said}): mend --url, which is the participant's internal address`
  }
  if (status >= 500 || status === 408 || status === 429) {
    return `${url} does not answer a plain cancel (${said}): look at its log, and try again`
  }
  if (status >= 400) {
    return `${url} refuses a plain cancel of ${
      excerpt(resource)
    } (${said}): mend --resource, or the participant`
  }
  try {
    JSON.parse(text)
    return undefined
  } catch {
    return `${url} answers what is not JSON (${said}): mend --url, which is the participant's internal address`
  }
}
