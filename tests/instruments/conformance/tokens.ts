/**
 * The caller's tokens, signed with its own key: a valid one, and those that no participant may
 * accept.
 */
import { generateKeyPair, importJWK, type JWK, SignJWT } from "jose"
import { readFile } from "node:fs/promises"
import { serviceTokenType } from "#shared/security/service-tokens.ts"

export interface Tokens {
  readonly right: () => Promise<string>
  /** A valid token of a caller whose clock is that much ahead (or behind, if negative). */
  readonly clockAhead: (seconds: number) => Promise<string>
  /** By what is wrong with them. */
  readonly wrong: Readonly<Record<WrongToken, () => Promise<string>>>
}

export type WrongToken =
  | "other-audience"
  | "expired-token"
  | "early-token"
  | "not-before"
  | "other-key"
  | "unsigned-token"
  | "other-caller"
  | "other-type"
  | "long-lived-token"
  | "garbage-token"

/** The file holds no key that tokens can be signed with; the message says what to do. */
export class KeyFault extends Error {}

interface Signing {
  readonly key: CryptoKey
  readonly kid: string
}

const lifetimeSeconds = 30
const hour = 3_600

/**
 * Reads the private key of the caller; the key's id is the caller's name. Rejects with KeyFault.
 */
export const readTokens = async (file: string, participant: string): Promise<Tokens> => {
  const signing = await readSigning(file)
  const stranger = (await generateKeyPair("EdDSA", { crv: "Ed25519" })).privateKey
  const sign = (
    claims: Readonly<Record<string, unknown>> = {},
    { key, kid }: Signing = signing,
    typ = serviceTokenType,
  ) => {
    const now = Math.floor(Date.now() / 1000)
    const usual = { iss: signing.kid, aud: participant, iat: now, exp: now + lifetimeSeconds }
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: "EdDSA", kid, typ })
      .sign(key)
  }
  const at = (seconds: number) => {
    const iat = Math.floor(Date.now() / 1000) + seconds
    return { iat, exp: iat + lifetimeSeconds }
  }
  let right = { token: Promise.resolve(""), signedMs: -Infinity }
  return {
    // Like any caller, it uses a token more than once.
    right: () => {
      const nowMs = performance.now()
      if (nowMs - right.signedMs > (lifetimeSeconds * 1_000) / 3) {
        right = { token: sign(), signedMs: nowMs }
      }
      return right.token
    },
    clockAhead: (seconds) => sign({ ...at(seconds), nbf: at(seconds).iat }),
    wrong: {
      "other-audience": () => sign({ aud: `not-${participant}` }),
      "expired-token": () => sign(at(-hour)),
      "early-token": () => sign(at(hour)),
      "not-before": () => sign({ nbf: at(hour).iat }),
      "other-key": () => sign({}, { key: stranger, kid: signing.kid }),
      "unsigned-token": async () => {
        const [, claims] = (await sign()).split(".")
        const header = JSON.stringify({ alg: "none", kid: signing.kid, typ: serviceTokenType })
        return `${Buffer.from(header).toString("base64url")}.${claims}.`
      },
      "other-caller": () => sign({ iss: `not-${signing.kid}` }),
      "other-type": () => sign({}, signing, "JWT"),
      "long-lived-token": () => sign({ exp: at(hour).exp }),
      "garbage-token": () => Promise.resolve("no.token.atall"),
    },
  }
}

const remedy = "give the file that `npm run keys` makes for the caller, orchestrator.private.json"

const readSigning = async (file: string): Promise<Signing> => {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new KeyFault(`--key: ${file} cannot be read (${code}): ${remedy}`)
  }
  try {
    const jwk = JSON.parse(text) as JWK
    const key = await importJWK(jwk, "EdDSA")
    if (key instanceof CryptoKey && key.type === "private" && typeof jwk.kid === "string") {
      return { key, kid: jwk.kid }
    }
  } catch {
    // No message contains any of the file: it may be a private key of another kind.
  }
  throw new KeyFault(
    `--key: ${file} holds no private key with a name (JWK with "d" and "kid"): ${remedy}`,
  )
}
