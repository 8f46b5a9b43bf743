/** Requests without a valid token: refused with 401 or 403, and nothing changes. */
import { excerpt } from "../answers.ts"
import { Broken, type Check } from "../check.ts"
import type { Kit } from "../kit.ts"
import type { WrongToken } from "../tokens.ts"
import type { Sent } from "../wire.ts"

const refuses = async (kit: Kit, sent: Sent, how: string) => {
  const { status, text } = await kit.ask(sent)
  if (status === 401 || status === 403) return
  throw new Broken(
    `${sent.method} ${sent.path} ${how} was answered ${status} instead of 401 or 403: ${
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
    `A cancel ${how} was refused, but it is on record: its reserve was answered "${after}"`,
  )
}

const noToken = async (kit: Kit) => {
  await refusesCancel(kit, null, "without a token")
  const spared = kit.order()
  const others: ReadonlyArray<Sent> = [
    { method: "GET", path: "/internal/reservations?limit=1" },
    { method: "GET", path: "/internal/books" },
    { method: "GET", path: "/internal/forgotten" },
    // Incomplete on purpose: if it were accepted, a complete body could release what is spared.
    { method: "POST", path: "/internal/forget", body: JSON.stringify({ before: spared }) },
  ]
  for (const sent of others) await refuses(kit, { ...sent, token: null }, "without a token")
  return "every route answered 401 or 403, and nothing changed"
}

/** Less than the 300 seconds that the protocol tolerates, and more than a token lives. */
const skewSeconds = 240

const otherClocks = async (kit: Kit) => {
  for (const [ahead, how] of [[-skewSeconds, "behind"], [skewSeconds, "ahead"]] as const) {
    const sent = {
      ...kit.request([kit.cancel(kit.order())]),
      token: await kit.tokens.clockAhead(ahead),
    }
    const { status, text } = await kit.ask(sent)
    if (status !== 200) {
      throw new Broken(
        `A cancel with a token from a clock that is ${skewSeconds} s ${how} was answered ${status}: ${
          excerpt(text)
        }`,
      )
    }
  }
  return "both were accepted"
}

const anyCase = async (kit: Kit) => {
  for (const scheme of ["bearer", "BEARER"]) {
    const sent = { ...kit.request([kit.cancel(kit.order())]), scheme }
    const { status, text } = await kit.ask(sent)
    if (status === 200) continue
    throw new Broken(
      `A cancel with "Authorization: ${scheme} TOKEN" was answered ${status}: ${excerpt(text)}`,
    )
  }
  return "both were accepted"
}

const challenge = async (kit: Kit) => {
  const path = "/internal/books"
  const { status, headers } = await kit.ask({ method: "GET", path, token: null })
  const named = headers.get("www-authenticate")
  if (status === 401 && /(?:^|,)\s*Bearer\b/i.test(named ?? "")) {
    return `401, with ${excerpt(named)}`
  }
  throw new Broken(
    `GET ${path} without a token was answered ${status} ${
      named === null ? "without WWW-Authenticate" : `with WWW-Authenticate: ${excerpt(named)}`
    }`,
  )
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
  {
    name: "challenge",
    at: "authentication",
    needs: "--key",
    tries: "a request without a token, and the header WWW-Authenticate of its answer",
    says: "A 401 names the scheme: WWW-Authenticate: Bearer.",
    run: challenge,
  },
  {
    name: "scheme-case",
    at: "authentication",
    needs: "--key",
    tries: "valid tokens after bearer in lower case and in capitals",
    says: "The scheme Bearer is case-insensitive.",
    run: anyCase,
  },
  {
    name: "other-clocks",
    at: "authentication",
    needs: "--key",
    tries: `tokens of callers whose clocks are ${skewSeconds} seconds behind and ahead`,
    says: "Clocks may differ by 300 seconds.",
    run: otherClocks,
  },
  wrong(
    "garbage-token",
    "a text that is not a token",
    "Anything that is not a token of the caller is refused.",
  ),
  wrong(
    "other-audience",
    "a token for another participant",
    "The audience (aud) is the participant's own name; a token for another one is refused.",
  ),
  wrong(
    "expired-token",
    "a token that expired an hour ago",
    "An expired token is refused.",
  ),
  wrong(
    "early-token",
    "a token that is issued an hour ahead",
    "A token whose iat is more than 300 seconds ahead is refused.",
  ),
  wrong(
    "not-before",
    "a token that is issued now and valid only in an hour, by its nbf",
    "A token whose nbf is more than 300 seconds ahead is refused.",
  ),
  wrong(
    "other-key",
    "a token that is signed with another key",
    "The signature is checked with the caller's key.",
  ),
  wrong(
    "unsigned-token",
    'a token without a signature, "alg": "none"',
    "The algorithm is EdDSA, and no other.",
  ),
  wrong(
    "other-type",
    'a token of another type, "typ": "JWT"',
    "The type (typ) is svc+jwt, so that no other kind of token of the same key passes.",
  ),
  wrong("long-lived-token", "a token that lives for an hour", "A token lives at most 30 seconds."),
  wrong(
    "other-caller",
    "a token whose issuer is not the owner of its key",
    "The key proves the caller: the issuer (iss) is the name of the key, and may call.",
  ),
]
