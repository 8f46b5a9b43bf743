/**
 * Tokens that are almost valid, most with a valid signature: no verifier of ours accepts them,
 * whichever kind of token it is for. Those with only a wrong claim of one kind are at the end.
 */
import { SignJWT, UnsecuredJWT } from "jose"

type Json = Readonly<Record<string, unknown>>
export type Tokens = Readonly<Record<string, string>>

export interface Good {
  readonly header: Json
  readonly claims: Json & { readonly iat: number; readonly exp: number }
  readonly privateKey: CryptoKey
  /** Its public key, as 32 bytes in base64url. */
  readonly x: string
  /** Somebody else's key. */
  readonly strangersKey: CryptoKey
  readonly nowSeconds: number
  readonly longestSeconds: number
  /** Another type of token, perhaps of the same signer. */
  readonly otherType: string
}

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64url")

/** Signs any two texts, or any two parts in any spelling. */
export const signer = (key: CryptoKey) => {
  const parts = async (head: string, body: string) => {
    const bytes = new TextEncoder().encode(`${head}.${body}`)
    const signature = await crypto.subtle.sign("Ed25519", key, bytes)
    return `${head}.${body}.${base64(new Uint8Array(signature))}`
  }
  return {
    parts,
    texts: (head: string, body: string | Uint8Array) => parts(base64(head), base64(body)),
    json: (head: unknown, body: unknown) =>
      parts(base64(JSON.stringify(head)), base64(JSON.stringify(body))),
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** The same bytes in base64url, with other padding bits; undefined where there are none. */
const otherwiseSpelled = (part: string): string | undefined =>
  [...alphabet].map((last) => part.slice(0, -1) + last).find((other) =>
    other !== part && Buffer.from(other, "base64url").equals(Buffer.from(part, "base64url"))
  )

/** The signature with the group's order added, which RFC 8032 (section 5.1.7) forbids. */
const withOrderAdded = (signature: string): string => {
  const bytes = Buffer.from(signature, "base64url")
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  let s = order
  for (let n = 0; n < 32; n++) s += BigInt(bytes[32 + n]!) << BigInt(8 * n)
  for (let n = 0; n < 32; n++) bytes[32 + n] = Number((s >> BigInt(8 * n)) & 255n)
  return base64(bytes)
}

const prefixed = (prefix: string, tokens: Tokens): Tokens =>
  Object.fromEntries(Object.entries(tokens).map(([name, token]) => [`${prefix}: ${name}`, token]))

const all = async (tokens: Readonly<Record<string, Promise<string>>>): Promise<Tokens> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(tokens).map(async ([name, token]) => [name, await token] as const),
    ),
  )

/** Claims with each of these values for one of them; undefined omits it. */
export const claimsWith = (good: Good, name: string, values: Json): Promise<Tokens> =>
  all(Object.fromEntries(
    Object.entries(values).map(([what, value]) => [
      `${name} ${what}`,
      signer(good.privateKey).json(good.header, { ...good.claims, [name]: value }),
    ]),
  ))

const noTexts = {
  "that is missing": undefined,
  "null": null,
  "a number": 5,
  "true": true,
  "an object": {},
  "an empty array": [],
  "empty": "",
}

/** Values that are no identifier: of another type, or with characters that no database stores. */
export const noNames = {
  ...noTexts,
  "NUL": "\0",
  "with NUL": "ann\0",
  "with a line break": "ann\nbob",
  "half of a surrogate pair": "\ud800",
  "lost bytes": "a\ufffd",
  "very long": "a".repeat(1_000),
}

const notSeconds = {
  "that is missing": undefined,
  "null": null,
  "a text": "1800000000",
  "an array": [1_800_000_000],
  "a fraction": 1_800_000_000.5,
  "negative": -1,
  "beyond all years": 1e15,
  "beyond all numbers": 1e308,
}

const spellings = async ({ header, claims, privateKey }: Good): Promise<Tokens> => {
  const { texts, json, parts } = signer(privateKey)
  const [head, body] = [JSON.stringify(header), JSON.stringify(claims)]
  const good = await json(header, claims)
  const [first = "", second = "", signature = ""] = good.split(".")
  const signed = `${first}.${second}`
  const twice = (text: string, name: string, value: unknown) =>
    `{${JSON.stringify(name)}:${JSON.stringify(value)},${text.slice(1)}`
  // Padded until its last character has unused bits.
  const loose = async (): Promise<string> => {
    for (let more = "x";; more += "x") {
      const other = otherwiseSpelled(base64(JSON.stringify({ ...claims, more })))
      if (other !== undefined) return await parts(first, other)
    }
  }
  return {
    "garbage": "garbage",
    "nothing but dots": "..",
    "three parts of garbage": "a.b.c",
    "two parts": signed,
    "four parts": `${good}.${signature}`,
    "no header": `.${second}.${signature}`,
    "no payload": `${first}..${signature}`,
    "no signature": `${signed}.`,
    "a signature of another token": `${signed}.${(await json(header, {})).split(".")[2]}`,
    "a signature that is cut off": `${signed}.${signature.slice(0, 20)}`,
    "a signature with a byte more": `${signed}.${base64(Buffer.alloc(65, 1))}`,
    "a signature of zeros": `${signed}.${base64(Buffer.alloc(64))}`,
    "a signature with other bits behind it": `${signed}.${otherwiseSpelled(signature)}`,
    "a signature with the group's order added": `${signed}.${withOrderAdded(signature)}`,
    "a padded signature": `${signed}.${signature}==`,
    "another payload": `${first}.${base64(JSON.stringify({ ...claims, more: 1 }))}.${signature}`,
    "another header": `${base64(JSON.stringify({ ...header, more: 1 }))}.${second}.${signature}`,
    ...await all({
      "a payload with other bits behind it": loose(),
      "space in the header": texts(head.replace(":", ": "), body),
      "space in the payload": texts(head, body.replace(":", ": ")),
      "a line break behind the payload": texts(head, `${body}\n`),
      "an escaped letter": texts(head, body.replace('"iss"', '"\\u0069ss"')),
      "a number in another spelling": texts(head, body.replace(/"exp":(\d+)/, '"exp":$1.0')),
      "a byte order mark": texts(head, `\ufeff${body}`),
      "bytes that are not UTF-8": texts(
        head,
        Buffer.from(body.replace('"iss"', '"\xff":1,"iss"'), "latin1"),
      ),
      "UTF-16": texts(head, Buffer.from(body, "utf16le")),
      "a payload that breaks off": texts(head, body.slice(0, -1)),
      "a payload that goes on": texts(head, `${body}{}`),
      ...Object.fromEntries(
        ["5", "null", "true", '"text"', "[]", "{}", `[${body}]`, "[".repeat(1_000)].map((
          text,
        ) => [`the payload ${text.slice(0, 10)}`, texts(head, text)]),
      ),
      ...Object.fromEntries(
        ["alg", "kid", "typ"].map((name) => [
          `${name} twice`,
          texts(twice(head, name, "none"), body),
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(claims).map(([name, value]) => [
          `${name} twice, the same`,
          texts(head, twice(body, name, value)),
        ]),
      ),
      "exp twice, the first is over": texts(head, twice(body, "exp", 1)),
      "iss twice, the first is another": texts(head, twice(body, "iss", "somebody")),
      "what nobody knows, twice": texts(head, twice(twice(body, "more", 1), "more", 2)),
    }),
  }
}

const headers = async (good: Good): Promise<Tokens> => {
  const { header, claims, privateKey, x, strangersKey, otherType } = good
  const { json } = signer(privateKey)
  const stranger = signer(strangersKey)
  const pem = `-----BEGIN PUBLIC KEY-----\n${
    Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(x, "base64url")])
      .toString("base64")
  }\n-----END PUBLIC KEY-----\n`
  const hmac = (secret: string | Uint8Array, alg: string) =>
    new SignJWT({ ...claims }).setProtectedHeader({ ...header, alg }).sign(
      typeof secret === "string" ? new TextEncoder().encode(secret.padEnd(64, "\0")) : secret,
    )
  const withHeaders = (name: string, values: Json) =>
    Object.fromEntries(
      Object.entries(values).map(([what, value]) => [
        `${name} ${what}`,
        json({ ...header, [name]: value }, claims),
      ]),
    )
  const same = (values: ReadonlyArray<unknown>) =>
    Object.fromEntries(values.map((value) => [JSON.stringify(value), value]))
  return {
    "alg none": new UnsecuredJWT({ ...claims }).encode(),
    "alg none under our header": `${base64(JSON.stringify({ ...header, alg: "none" }))}.${
      base64(JSON.stringify(claims))
    }.`,
    ...await all({
      "HS256 with the public key": hmac(Buffer.from(x, "base64url"), "HS256"),
      "HS256 with the public key as text": hmac(x, "HS256"),
      "HS256 with the public key as PEM": hmac(pem, "HS256"),
      "HS512 with the public key as PEM": hmac(pem, "HS512"),
      ...withHeaders("alg", {
        ...noTexts,
        ...same(["none", "None", "eddsa", "EdDSA ", "Ed25519", "ES256", "RS256", ["EdDSA"]]),
      }),
      ...withHeaders("kid", {
        ...noTexts,
        ...same([
          "nobody",
          "../../../dev/null",
          "__proto__",
          "constructor",
          "\0",
          "k".repeat(2_000),
        ]),
        "an array of the right one": [header["kid"]],
      }),
      ...withHeaders("typ", {
        ...noTexts,
        ...same(["JWT", otherType, [header["typ"]]]),
        "in capitals": `${header["typ"]}`.toUpperCase(),
        "as a media type": `application/${header["typ"]}`,
        "with NUL": `${header["typ"]}\0`,
      }),
      ...withHeaders("crit", same([[], ["exp"], ["b64"], ["more"], "exp", null])),
      "an extension that is critical": json({ ...header, crit: ["more"], more: 1 }, claims),
      "a payload that is not encoded": json({ ...header, crit: ["b64"], b64: false }, claims),
      ...withHeaders("b64", same([true, false])),
      ...withHeaders("zip", same(["DEF"])),
      ...withHeaders("cty", same(["JWT"])),
      "another one's key under our name": stranger.json(header, claims),
      "a key that it brings along": stranger.json({
        ...header,
        jwk: { kty: "OKP", crv: "Ed25519", x },
      }, claims),
      "our own key brought along": json(
        { ...header, jwk: { kty: "OKP", crv: "Ed25519", x } },
        claims,
      ),
      "an address of keys": json({ ...header, jku: "http://evil.test/jwks.json" }, claims),
      "an address of certificates": json({ ...header, x5u: "http://evil.test/" }, claims),
      "a certificate": json({ ...header, x5c: ["AA"] }, claims),
      "a header that is an array": json([header], claims),
    }),
  }
}

const times = async (good: Good): Promise<Tokens> => {
  const { claims, nowSeconds, longestSeconds } = good
  const { header, privateKey } = good
  const at = (iat: number, exp: number, more: Json = {}) =>
    signer(privateKey).json(header, { ...claims, iat, exp, ...more })
  const { "that is missing": _, ...wrong } = notSeconds
  return {
    ...await claimsWith(good, "exp", notSeconds),
    ...await claimsWith(good, "iat", notSeconds),
    ...await claimsWith(good, "nbf", { ...wrong, "ahead": nowSeconds + 301 }),
    ...await all({
      "over": at(nowSeconds - longestSeconds - 301, nowSeconds - 301),
      "a second longer than it may live": at(nowSeconds, nowSeconds + longestSeconds + 1),
      "for ever": at(nowSeconds, 253_402_300_799),
      "over before it began": at(nowSeconds + 10, nowSeconds + 9),
      "over as it began": at(nowSeconds + 10, nowSeconds + 10),
      "from the future": at(nowSeconds + 301, nowSeconds + 301 + longestSeconds),
    }),
  }
}

/** More than a hundred bad tokens, by what is wrong with them. */
export const badTokens = async (good: Good): Promise<Tokens> => {
  const wrong = { ...noNames, "another": "somebody" }
  return {
    ...prefixed("spelling", await spellings(good)),
    ...prefixed("header", await headers(good)),
    ...prefixed("time", await times(good)),
    ...prefixed("claim", {
      ...await claimsWith(good, "iss", { ...wrong, "in an array": [good.claims["iss"]] }),
      ...await claimsWith(good, "aud", {
        ...wrong,
        "in an array": [good.claims["aud"]],
        "among others": [good.claims["aud"], "somebody"],
      }),
    }),
    "100 kB": await signer(good.privateKey).json(good.header, {
      ...good.claims,
      more: "x".repeat(75_000),
    }),
  }
}
