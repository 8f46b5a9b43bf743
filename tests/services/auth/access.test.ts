/** GET /api/auth/users/me/, and the tokens that do not get in: forged, stale or meant for another use, all answered alike. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  CompactSign,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from "jose"
import { ann, annsTokens, type RunningAuth, startAuth } from "./running-auth.ts"

const me = ({ call }: RunningAuth, authorization?: string) =>
  call("/api/auth/users/me/", { headers: authorization === undefined ? {} : { authorization } })

/** The session that Ann is given. */
const sid = "5e55104e-0000-4000-8000-000000000000"
const claims = { sub: "ann", iss: "unwind", aud: "unwind-api", jti: "j", iat: 0, exp: 600, sid }
const without = (claim: keyof typeof claims) => ({ ...claims, [claim]: undefined })

/** The key of the service, from its database, and a way to sign anything at all with it. */
const forge = ({ sql }: RunningAuth) =>
  Effect.promise(async () => {
    const [row] = await sql<[{ kid: string; private_key: JWK }]>`select * from signing_keys`
    const jwk = row.private_key
    const key = await importJWK(jwk, "EdDSA")
    const header = { alg: "EdDSA", kid: row.kid, typ: "at+jwt" }
    const sign = (payload: object, changes: object = {}) =>
      new SignJWT({ ...payload }).setProtectedHeader({ ...header, ...changes }).sign(key)
    return { jwk, key, header, sign }
  })

const base64 = (text: string) => Buffer.from(text).toString("base64url")

const badTokens = (auth: RunningAuth, refresh: string) =>
  Effect.flatMap(
    forge(auth),
    ({ jwk, key, header, sign }) =>
      Effect.promise(async (): Promise<Record<string, string>> => {
        const good = await sign(claims)
        const [head, body, signature] = good.split(".") as [string, string, string]
        const others = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
        const { d: _secret, ...publicJwk } = jwk
        const pem = await exportSPKI(
          (await importJWK(publicJwk, "EdDSA", { extractable: true })) as CryptoKey,
        )
        const hmac = (secret: string | Uint8Array, changes = {}) =>
          new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256", ...changes }).sign(
            typeof secret === "string" ? new TextEncoder().encode(secret.padEnd(32, "\0")) : secret,
          )
        const raw = (text: string) =>
          new CompactSign(new TextEncoder().encode(text)).setProtectedHeader(header).sign(key)
        return {
          "garbage": "garbage",
          "three parts of garbage": "a.b.c",
          "an empty payload": `${head}..${signature}`,
          "no signature": `${head}.${body}.`,
          "four parts": `${good}.${signature}`,
          "an altered signature": `${head}.${body}.${signature.slice(0, -2)}${
            signature.endsWith("AA") ? "BB" : "AA"
          }`,
          "a short signature": `${head}.${body}.${signature.slice(0, 20)}`,
          "an altered payload": `${head}.${
            base64(JSON.stringify({ ...claims, sub: "bob" }))
          }.${signature}`,
          "an altered header": `${
            base64(JSON.stringify({ ...header, extra: 1 }))
          }.${body}.${signature}`,
          "another one's key under our kid": await new SignJWT(claims).setProtectedHeader(header)
            .sign(others.privateKey),
          "an unknown kid": await sign(claims, { kid: crypto.randomUUID() }),
          "no kid": await sign(claims, { kid: undefined }),
          "a kid that is a path": await sign(claims, { kid: "../../../dev/null" }),
          "a key of its own": await new SignJWT(claims)
            .setProtectedHeader({ ...header, jwk: { kty: "OKP", crv: "Ed25519", x: jwk.x! } })
            .sign(others.privateKey),
          "a key address of its own": await new SignJWT(claims)
            .setProtectedHeader({ ...header, jku: "http://evil.test/jwks.json" }).sign(
              others.privateKey,
            ),
          "a critical extension": `${
            base64(JSON.stringify({ ...header, crit: ["x"], x: 1 }))
          }.${body}.${signature}`,
          "alg none": new UnsecuredJWT(claims).encode(),
          "alg none with our header": `${
            base64(JSON.stringify({ ...header, alg: "none" }))
          }.${body}.`,
          "HS256 with the public key": await hmac(Buffer.from(jwk.x!, "base64url")),
          "HS256 with the public key as text": await hmac(jwk.x!),
          "HS256 with the public key as PEM": await hmac(pem),
          "HS512": await hmac(pem.padEnd(64, "\0"), { alg: "HS512" }),
          "expired": await sign({ ...claims, exp: -10 }),
          "no expiry": await sign(without("exp")),
          "not valid yet": await sign({ ...claims, nbf: 60 }),
          "another issuer": await sign({ ...claims, iss: "other" }),
          "no issuer": await sign(without("iss")),
          "another audience": await sign({ ...claims, aud: "billing" }),
          "no audience": await sign(without("aud")),
          "no session": await sign(without("sid")),
          "a session that is none": await sign({ ...claims, sid: crypto.randomUUID() }),
          "a session that is no id": await sign({ ...claims, sid: "' or true --" }),
          "a session that is no text": await sign({ ...claims, sid: 1 }),
          "no user": await sign(without("sub")),
          "another type": await sign(claims, { typ: "JWT" }),
          "a service's type": await sign(claims, { typ: "svc+jwt" }),
          "no type": await sign(claims, { typ: undefined }),
          "a refresh token": refresh,
          "a payload that is no object": await raw("5"),
          "a payload that is no JSON": await raw("{"),
          "a token of 100 kB": await sign({ ...claims, more: "x".repeat(75_000) }),
          "a user who does not exist": await sign({ ...claims, sub: "nobody" }),
        }
      }),
  )

describe("GET /api/auth/users/me/", () => {
  it.effect("shows who the token says, as the database knows them", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access } = yield* annsTokens(auth)
      const { status, body } = yield* me(auth, `Bearer ${access}`)
      assert.deepStrictEqual([status, body], [200, { username: "ann", email: ann.email }])
      assert.strictEqual((yield* me(auth, `bearer ${access}`)).status, 200)
    }))

  it.effect("refuses every token that is not a live access token of ours, with one and the same body", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access, refresh } = yield* annsTokens(auth)
      yield* Effect.promise(() => auth.sql`update sessions set id = ${sid}`)
      // That these pass shows that the others fail for the reason they are named for.
      const { sign } = yield* forge(auth)
      const good = yield* Effect.promise(() => sign(claims))
      assert.strictEqual((yield* me(auth, `Bearer ${good}`)).status, 200)

      const tokens = Object.entries(yield* badTokens(auth, refresh))
      const headers: Array<readonly [string, string | undefined]> = [
        ["no header", undefined],
        ["an empty header", ""],
        ["no token", "Bearer"],
        ["another scheme", `Basic ${Buffer.from("ann:secret").toString("base64")}`],
        ["two tokens", `Bearer ${access} ${access}`],
        ["a token without a scheme", access],
        ...tokens.map(([what, token]) => [what, `Bearer ${token}`] as const),
      ]
      const first = yield* me(auth)
      for (const [what, header] of headers) {
        const { status, body, headers } = yield* me(auth, header)
        assert.deepStrictEqual([status, body.code], [401, "unauthenticated"], what)
        assert.deepStrictEqual(body, first.body, what)
        assert.strictEqual(headers.get("www-authenticate"), "Bearer", what)
      }
    }))

  it.effect("refuses a token from the moment that it is too old, however often it was shown before", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access } = yield* annsTokens(auth)
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 200)
      yield* TestClock.adjust("590 seconds")
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 200)
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 401)
    }))
})
