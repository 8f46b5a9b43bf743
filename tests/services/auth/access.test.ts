/**
 * GET /api/auth/users/me/, and the tokens that it refuses: forged, stale or meant for another use,
 * always with the same answer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt } from "jose"
import { badTokens, claimsWith, noNames } from "../../shared/security/bad-tokens.ts"
import { forge } from "./forge.ts"
import {
  ann,
  annsTokens,
  endSession,
  logIn,
  type Pair,
  type RunningAuth,
  startAuth,
} from "./running-auth.ts"

const me = ({ call }: RunningAuth, authorization?: string) =>
  call("/api/auth/users/me/", { headers: authorization === undefined ? {} : { authorization } })

describe("GET /api/auth/users/me/", () => {
  it.effect("shows the user of the token, as stored in the database", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access } = yield* annsTokens(auth)
      const { status, body } = yield* me(auth, `Bearer ${access}`)
      assert.deepStrictEqual([status, body], [200, { username: "ann", email: ann.email }])
      assert.strictEqual((yield* me(auth, `bearer ${access}`)).status, 200)
    }))

  it.effect("refuses anything but a live access token from auth, always with the same body", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access, refresh } = yield* annsTokens(auth)
      // The good token passes, so each bad one fails for the reason in its name.
      const { good, json } = yield* forge(auth)
      yield* Effect.promise(() =>
        auth.sql`update sessions set id = ${good.claims["sid"] as string}`
      )
      const forged = yield* Effect.promise(() => json(good.header, good.claims))
      assert.strictEqual((yield* me(auth, `Bearer ${forged}`)).status, 200)

      const bad = yield* Effect.promise(async () => ({
        ...await badTokens(good),
        ...await claimsWith(good, "sub", { ...noNames, "of an unknown user": "nobody" }),
      }))
      const headers: Array<readonly [string, string | undefined]> = [
        ["no header", undefined],
        ["an empty header", ""],
        ["no token", "Bearer"],
        ["another scheme", `Basic ${Buffer.from("ann:secret").toString("base64")}`],
        ["two tokens", `Bearer ${access} ${access}`],
        ["a token without a scheme", access],
        ["a refresh token", `Bearer ${refresh}`],
        ...Object.entries(bad).map(([what, token]) => [what, `Bearer ${token}`] as const),
      ]
      const first = yield* me(auth)
      for (const [what, header] of headers) {
        const { status, body, headers } = yield* me(auth, header)
        assert.deepStrictEqual([status, body.code], [401, "unauthenticated"], what)
        assert.deepStrictEqual(body, first.body, what)
        assert.strictEqual(headers.get("www-authenticate"), "Bearer", what)
      }
    }))

  it.effect("refuses a token as soon as it expires, however often it was shown before", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access } = yield* annsTokens(auth)
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 200)
      yield* TestClock.adjust("590 seconds")
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 200)
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 401)
    }))

  it.effect("refuses a token seconds after its session has ended, and no other token", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access } = yield* annsTokens(auth)
      const other = (yield* logIn(auth)).body as Pair
      const { sid } = decodeJwt<{ sid: string }>(access)
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 200)
      yield* endSession(auth, sid)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* me(auth, `Bearer ${access}`)).status, 401)
      assert.strictEqual((yield* me(auth, `Bearer ${other.access}`)).status, 200)
      const { status } = yield* auth.call("/api/token/verify/", { body: { token: access } })
      assert.strictEqual(status, 401)
    }))
})

describe("POST /api/token/refresh/ and /api/token/verify/", () => {
  it.effect("refuse a correctly signed refresh token that differs from what auth makes", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { refresh } = yield* annsTokens(auth)
      const forging = (yield* forge(auth)).good
      const good = {
        ...forging,
        header: { ...forging.header, typ: "rt+jwt" },
        claims: decodeJwt<{ iat: number; exp: number; jti: string }>(refresh),
        longestSeconds: 7 * 86_400,
        otherType: "at+jwt",
      }
      const { jti } = good.claims
      const [session] = jti.split(".")
      const bad = yield* Effect.promise(async () => ({
        ...await badTokens(good),
        ...await claimsWith(good, "sub", noNames),
        ...await claimsWith(good, "jti", {
          ...noNames,
          "without a generation": session,
          "of no session": `${crypto.randomUUID()}.0`,
          "without a number": `${session}.x`,
          "of a negative number": `${session}.-1`,
          "of a fraction": `${session}.0.5`,
          "of a number too large to store": `${session}.99999999999`,
          "without a UUID": "session.0",
          "in capitals": jti.toUpperCase(),
        }),
      }))
      const status = (path: string, body: unknown) =>
        Effect.map(auth.call(path, { body }), ({ status }) => status)
      for (const [what, token] of Object.entries(bad)) {
        // A body may be refused before its token is checked.
        const expected = token.length > 16_384 ? 413 : token.length > 4096 ? 400 : 401
        assert.strictEqual(yield* status("/api/token/refresh/", { refresh: token }), expected, what)
        assert.strictEqual(yield* status("/api/token/verify/", { token }), expected, what)
      }
      assert.strictEqual(yield* status("/api/token/verify/", { token: refresh }), 200)
      assert.strictEqual(yield* status("/api/token/refresh/", { refresh }), 200)
    }))
})
