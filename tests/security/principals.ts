/**
 * All principals: those that the table of permissions knows, and those that only pretend to be one.
 */
import { importJWK, type JWK, SignJWT } from "jose"
import { createHmac, generateKeyPairSync } from "node:crypto"
import { readFileSync } from "node:fs"
import { callers, type ServiceName, serviceNames } from "#shared/roster.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { serviceTokenType } from "#shared/security/service-tokens.ts"
import { accessTokenType } from "#shared/security/user-tokens.ts"
import type { Customer, Services } from "./running-services.ts"

export interface Principal {
  readonly name: string
  /** What the services have to take the principal for. */
  readonly is: "nobody" | "user" | ServiceName
  /** The Authorization header that it sends to a service, if any. */
  readonly shows: (callee: ServiceName) => Promise<string | undefined>
  /** Whether it is a user who is an operator. */
  readonly isOperator?: boolean
  /** Whose access token it passes on, as the console does. */
  readonly handsOn?: Customer & { readonly isOperator: boolean }
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as object

const nobody = (name: string, header?: string): Principal => ({
  name,
  is: "nobody",
  shows: () => Promise.resolve(header),
})
const bearer = (name: string, token: string) => nobody(name, `Bearer ${token}`)

/** Tokens that are made from a valid one, without the key that signed it. */
export const forgedFrom = (
  access: string,
  otherName: string,
  jwks: { readonly keys: ReadonlyArray<JWK> },
): ReadonlyArray<readonly [name: string, token: string]> => {
  const [head, claims, signature] = access.split(".") as [string, string, string]
  const header = decoded(head)
  const { privateKey } = generateKeyPairSync("ed25519")
  const stranger = privateKey.export({ format: "jwk" })
  const unsigned = (headed: object, of = claims) => `${encoded(headed)}.${of}`
  const hmac = (text: string, key: string) =>
    `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`
  const others = encoded({ ...decoded(claims), sub: otherName })
  const later = encoded({ ...decoded(claims), exp: 4_000_000_000 })
  return [
    ["without its signature", `${head}.${claims}.`],
    ["of two parts", `${head}.${claims}`],
    ["of four parts", `${access}.${signature}`],
    ["cut short", access.slice(0, -8)],
    ["with another name", `${head}.${others}.${signature}`],
    ["with a later end", `${head}.${later}.${signature}`],
    ["that needs no signature", `${unsigned({ ...header, alg: "none" })}.`],
    ["that says none in capitals", `${unsigned({ ...header, alg: "NONE" })}.${signature}`],
    [
      "signed with the public key as a secret",
      hmac(unsigned({ ...header, alg: "HS256" }), JSON.stringify(jwks.keys[0])),
    ],
    [
      "signed with the public key's bytes as a secret",
      hmac(unsigned({ ...header, alg: "HS256" }), jwks.keys[0]?.x ?? ""),
    ],
    ["with a key of its own in it", unsigned({ ...header, jwk: { ...stranger, d: "" } }) + ".AAAA"],
    ["whose key is a file", `${unsigned({ ...header, kid: "../../dev/null" })}.${signature}`],
    ["whose key is a URL", `${unsigned({ ...header, jku: "http://x.test/" })}.${signature}`],
    ["with a critical extension", `${unsigned({ ...header, crit: ["exp"] })}.${signature}`],
    ["whose signature is zeros", `${head}.${claims}.${"A".repeat(86)}`],
    ["with a space in it", `${head}. ${claims}.${signature}`],
    ["of another encoding", access.replaceAll("-", "+").replaceAll("_", "/") + "=="],
    ["of a megabyte", `${head}.${"A".repeat(1_000_000)}.${signature}`],
  ]
}

/** Tokens that services sign with their own keys, valid and invalid. */
const ofServices = (keysFolder: string): ReadonlyArray<Principal> => {
  const files = keyFiles(keysFolder)
  const keyOf = (name: ServiceName) =>
    importJWK(JSON.parse(readFileSync(files.privateKey(name), "utf8")) as JWK, "EdDSA")
  interface Claimed {
    readonly signer?: ServiceName
    readonly kid?: string
    readonly typ?: string
    readonly aud?: (callee: ServiceName) => string | ReadonlyArray<string>
    /** Seconds from now. */
    readonly iat?: number | null
    readonly exp?: number | null
  }
  const signed = (iss: ServiceName, claimed: Claimed = {}) => async (callee: ServiceName) => {
    const { signer = iss, kid = iss, typ = serviceTokenType, iat = 0, exp = 30 } = claimed
    const now = Math.floor(Date.now() / 1000)
    const aud = claimed.aud?.(callee) ?? callee
    const token = await new SignJWT({
      iss,
      aud: typeof aud === "string" ? aud : [...aud],
      ...(iat !== null && { iat: now + iat }),
      ...(exp !== null && { exp: now + exp }),
    }).setProtectedHeader({ alg: "EdDSA", kid, typ }).sign(await keyOf(signer))
    return `Bearer ${token}`
  }
  const another = (callee: ServiceName) => serviceNames.find((name) => name !== callee)!
  const wrong = (name: string, iss: ServiceName, claimed: Claimed): Principal => ({
    name: `${iss}'s token ${name}`,
    is: "nobody",
    shows: signed(iss, claimed),
  })
  const unlike = (name: ServiceName) => callers.find((other) => other !== name)!
  return callers.flatMap((name) => [
    { name: `${name}'s token`, is: name, shows: signed(name) },
    wrong("for another service", name, { aud: another }),
    wrong("for nobody", name, { aud: () => "" }),
    wrong("that has expired", name, { iat: -600, exp: -570 }),
    wrong("of long ago that never ends", name, { iat: -100_000, exp: 100_000 }),
    wrong("from the future", name, { iat: 3_600, exp: 3_630 }),
    wrong("without an end", name, { exp: null }),
    wrong("without a beginning", name, { iat: null }),
    wrong("of a user's type", name, { typ: accessTokenType }),
    wrong("of no known type", name, { typ: "JWT" }),
    wrong("with another's key", name, { signer: unlike(name) }),
    wrong("with another's key, as it says", name, { signer: unlike(name), kid: unlike(name) }),
  ])
}

/** All principals. `ada` owns the objects in the paths. */
export const principals = async (
  { send, keysFolder, shortLived, operator }: Services,
  ada: Customer,
  bob: Customer,
): Promise<ReadonlyArray<Principal>> => {
  const jwks = await (await send("auth", "/.well-known/jwks.json")).json() as {
    readonly keys: ReadonlyArray<JWK>
  }
  const user = (name: string, header: string): Principal => ({
    name,
    is: "user",
    shows: () => Promise.resolve(header),
  })
  const expired = await shortLived()
  const services = ofServices(keysFolder)
  const olga = await operator()
  const handing = (name: ServiceName, whose: string, handsOn: Principal["handsOn"]): Principal => ({
    ...services.find((one) => one.name === `${name}'s token`)!,
    name: `${name}'s token with ${whose}`,
    handsOn: handsOn!,
  })
  return [
    nobody("nobody"),
    nobody("an empty header", ""),
    nobody("no token", "Bearer"),
    nobody("an empty token", "Bearer "),
    bearer("garbage", "garbage"),
    bearer("three dots", "..."),
    nobody("a password", `Basic ${btoa(`${ada.username}:secret`)}`),
    nobody("a right token under another scheme", `Token ${ada.access}`),
    nobody("a right token twice", `Bearer ${ada.access}, Bearer ${ada.access}`),
    nobody("a right token behind another", `Bearer garbage ${ada.access}`),
    bearer("a refresh token", ada.refresh),
    bearer("an expired token", expired.access),
    user("ada", `Bearer ${ada.access}`),
    user("ada, in small letters", `bearer ${ada.access}`),
    user("bob", `Bearer ${bob.access}`),
    ...forgedFrom(ada.access, bob.username, jwks).map(([name, token]) =>
      bearer(`ada's token ${name}`, token)
    ),
    ...services,
    { ...user("an operator", `Bearer ${olga.access}`), isOperator: true },
    handing("console", "an operator's", { ...olga, isOperator: true }),
    handing("console", "ada's", { ...ada, isOperator: false }),
    handing("orchestrator", "an operator's", { ...olga, isOperator: true }),
  ]
}

/** The time when an expired token has expired even by a clock that is as late as tolerated. */
export const expiredAtMs = (access: string): number =>
  (decoded(access.split(".")[1]!) as { readonly exp: number }).exp * 1000 + 6_000
