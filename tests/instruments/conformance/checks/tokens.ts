/** Requests without a right token: refused with 401 or 403, and nothing changes. */
import { excerpt } from "../answers.ts"
import { Broken, type Check } from "../check.ts"
import type { Kit } from "../kit.ts"
import type { WrongToken } from "../tokens.ts"
import type { Sent } from "../wire.ts"

const refuses = async (kit: Kit, sent: Sent, how: string) => {
  const { status, text } = await kit.ask(sent)
  if (status === 401 || status === 403) return
  throw new Broken(
    `${sent.method} ${sent.path} ${how} was answered ${status}, and not 401 or 403: ${
      excerpt(text)
    }`,
  )
}

/** A cancel with the token has to be refused; then the order can still be reserved. */
const refusesCancel = async (kit: Kit, token: string | null, how: string) => {
  const orderId = kit.order()
  await refuses(kit, { ...kit.request([kit.cancel(orderId)]), token }, how)
  const after = await kit.one(kit.reserve(orderId))
  if (after === "reserved") return await kit.gets("cancelled", kit.cancel(orderId))
  throw new Broken(
    `A cancel ${how} was refused, and yet it is on record: its reserve was answered "${after}"`,
  )
}

const noToken = async (kit: Kit) => {
  await refusesCancel(kit, null, "without a token")
  const spared = kit.order()
  const others: ReadonlyArray<Sent> = [
    { method: "GET", path: "/internal/reservations?limit=1" },
    { method: "GET", path: "/internal/books" },
    { method: "GET", path: "/internal/forgotten" },
    // One that would be taken could release what is spared: no right body.
    { method: "POST", path: "/internal/forget", body: JSON.stringify({ before: spared }) },
  ]
  for (const sent of others) await refuses(kit, { ...sent, token: null }, "without a token")
  return "every route answered 401 or 403, and nothing changed"
}

const wrong = (name: WrongToken, tries: string, says: string): Check => ({
  name,
  at: "authentication",
  needs: "--key",
  tries,
  says,
  run: async (kit) => {
    await refusesCancel(kit, await kit.tokens.wrong[name](), `with ${tries}`)
    return "401 or 403, and nothing changed"
  },
})

export const tokenChecks: ReadonlyArray<Check> = [
  {
    name: "no-token",
    at: "authentication",
    needs: "--key",
    tries: "every route without a token",
    says: "Every route but health needs a token.",
    run: noToken,
  },
  wrong("garbage-token", "a token that is none", "What is no token of the caller is refused."),
  wrong(
    "other-audience",
    "a token for another participant",
    "The audience (aud) is the participant's own name; a token for another one is refused.",
  ),
  wrong(
    "expired-token",
    "a token that expired an hour ago",
    "A token is refused when it has expired.",
  ),
  wrong(
    "early-token",
    "a token from an hour ahead",
    "A token is refused that is not valid yet, or was issued in the future.",
  ),
  wrong("other-key", "a token of another key", "The signature is checked with the caller's key."),
  wrong(
    "unsigned-token",
    'a token without a signature, "alg": "none"',
    "The algorithm is EdDSA, and no other.",
  ),
  wrong(
    "other-type",
    'a token of another type, "typ": "JWT"',
    "The type (typ) is svc+jwt, so that no other token of the same key passes.",
  ),
  wrong("long-lived-token", "a token that lives for an hour", "A token lives 30 seconds at most."),
  wrong(
    "other-caller",
    "a token whose issuer is not the caller that its key is of",
    "The key proves the caller: the issuer (iss) is the name of the key, and one that may call.",
  ),
]
