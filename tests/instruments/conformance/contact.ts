/**
 * The first requests: whether there is a participant that can be tried at all. If not, one line
 * says why, with the remedy.
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

/** The rule that the first requests try. */
export const firstContact: Rule = {
  name: "first-contact",
  at: "the-answer",
  tries:
    "a cancel of a new order, and reserves and cancels that find out, twice, how much is available",
  says:
    "Each command is answered with its order and one of four outcomes, and a cancel gives back.",
}

/**
 * Resolves when it answers and something is available. Rejects with Unusable, or with Broken when
 * it breaks a rule.
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
    `${kit.available} of ${kit.resource} were available, and then ${again}, although all reservations were cancelled: ` +
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
      `There is no participant at ${url}: it ${error.message}. Start it, or correct --url`,
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
      ? `${url} does not accept this key (${said}): --key must be the private key of a caller that it knows, and --name its own name`
      : `${url} requires a token (${said}): give --key and --name`
  }
  if (status === 404 || status === 405 || (status >= 300 && status < 400)) {
    return `There is no POST /internal/reservations at ${url} (${said}): correct --url, which is the participant's internal address`
  }
  if (status >= 500 || status === 408 || status === 429) {
    return `${url} does not answer a plain cancel (${said}): look at its log, and try again`
  }
  if (status >= 400) {
    return `${url} refuses a plain cancel of ${
      excerpt(resource)
    } (${said}): correct --resource, or the participant`
  }
  try {
    JSON.parse(text)
    return undefined
  } catch {
    return `${url} answers something that is not JSON (${said}): correct --url, which is the participant's internal address`
  }
}
