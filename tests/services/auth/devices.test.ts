/** Devices on which users have logged in: failures of strangers do not lock their owners out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { ann, asTimePasses, logIn, type RunningAuth, signUp, startAuth } from "./running-auth.ts"

const wrong = { username: "ann", password: "a wrong guess" }
const bob = { ...ann, username: "bob" }
const from = (n: number) => ({ address: `198.51.100.${n}` })
const showing = (cookie: string, address = from(99).address) => ({
  address,
  headers: { cookie: `theme=dark; ${cookie}` },
})

/** Ann's and Bob's cookies, at a service where both have signed up. */
const withDevices = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const auth = yield* startAuth(settings)
    yield* signUp(auth)
    yield* signUp(auth, bob)
    const [anns = "", bobs = ""] = yield* Effect.forEach(
      [ann, bob],
      (user) => Effect.map(logIn(auth, user, from(200)), cookieOf),
    )
    // Without sessions, their devices let them in, not their addresses.
    yield* Effect.promise(() => auth.sql`delete from sessions`)
    return { auth, anns, bobs }
  })

const cookieOf = ({ headers }: { readonly headers: Headers }) =>
  headers.get("set-cookie")!.split(";")[0]!
const tokenOf = (cookie: string) => cookie.slice(cookie.indexOf("=") + 1)

/** Guesses at Ann's password from many addresses, until guesses are refused. */
const attack = (auth: RunningAuth) =>
  asTimePasses(Effect.forEach(
    Array.from({ length: 20 }, (_, n) => n),
    (n) => logIn(auth, wrong, from(n)),
    { concurrency: "unbounded" },
  ))
/** Guesses at many names, until strangers' log-ins from the address are refused. */
const spray = (auth: RunningAuth) =>
  asTimePasses(Effect.forEach(
    Array.from({ length: 55 }, (_, n) => n),
    (n) => logIn(auth, { ...wrong, username: `u${n}` }, from(99)),
    { concurrency: 10 },
  ))
const status = (auth: RunningAuth, options: object, user = ann) =>
  Effect.map(logIn(auth, user, options), ({ status }) => status)

describe("a device", () => {
  it.effect("gets a token of its own type, as a cookie for the log-in's path only", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      const { headers } = yield* logIn(auth)
      const [cookie = "", ...attributes] = headers.get("set-cookie")!.split("; ")
      assert.deepStrictEqual(attributes, [
        "Path=/api/token",
        "Max-Age=7776000",
        "HttpOnly",
        "SameSite=Strict",
      ])
      const token = tokenOf(cookie)
      assert.strictEqual(decodeProtectedHeader(token).typ, "device+jwt")
      const { iss, aud, sub, iat = 0, exp = 0 } = decodeJwt(token)
      assert.deepStrictEqual([iss, aud, sub, exp - iat], ["unwind", "unwind-api", "ann", 7_776_000])
      // Nothing else accepts it as a proof.
      assert.strictEqual((yield* auth.call("/api/auth/users/me/", { token })).status, 401)
      for (const path of ["verify", "refresh"]) {
        const body = path === "verify" ? { token } : { refresh: token }
        assert.strictEqual((yield* auth.call(`/api/token/${path}/`, { body })).status, 401)
      }
      assert.isNull((yield* logIn(auth, wrong)).headers.get("set-cookie"))
    }))

  it.effect("gets a cookie limited to TLS when its request came over TLS", () =>
    Effect.gen(function* () {
      const proto = (proto: string) => ({ headers: { "x-forwarded-proto": proto } })
      const secure = (auth: RunningAuth, options: object) =>
        Effect.map(
          logIn(auth, ann, options),
          ({ headers }) => headers.get("set-cookie")!.includes("; Secure"),
        )
      const { auth } = yield* withDevices()
      assert.isFalse(yield* secure(auth, proto("https")))
      const { auth: trusting } = yield* withDevices({ TRUST_PROXY: "true" })
      assert.isTrue(yield* secure(trusting, proto("https")))
      assert.isFalse(yield* secure(trusting, proto("https, http")))
      assert.isFalse(yield* secure(trusting, {}))
    }))

  it.effect("lets its user in, however often strangers fail at the account and from the address", () =>
    Effect.gen(function* () {
      const { auth, anns } = yield* withDevices()
      const guesses = yield* attack(auth)
      assert.strictEqual(guesses.filter(({ status }) => status === 401).length, 15)
      yield* spray(auth)
      assert.strictEqual(yield* status(auth, from(99)), 429)
      assert.strictEqual(yield* status(auth, showing(anns)), 200)
      const { headers } = yield* logIn(auth, ann, showing(anns))
      assert.strictEqual(
        decodeJwt(tokenOf(cookieOf({ headers }))).jti,
        decodeJwt(tokenOf(anns)).jti,
      )
    }))

  it.effect("lets its user in even when the address has failed too often at other accounts", () =>
    Effect.gen(function* () {
      const { auth, anns } = yield* withDevices()
      yield* logIn(auth, bob, from(99))
      yield* spray(auth)
      assert.strictEqual(yield* status(auth, from(99)), 429)
      assert.strictEqual(yield* status(auth, showing(anns)), 200)
      // Bob has a live session at that address.
      assert.strictEqual(yield* status(auth, from(99), bob), 200)
    }))

  it.effect("is a stranger with a token of another user or type, altered or expired", () =>
    Effect.gen(function* () {
      const { auth, anns, bobs } = yield* withDevices()
      const { body } = yield* logIn(auth, ann, from(200))
      yield* Effect.promise(() => auth.sql`delete from sessions`)
      yield* attack(auth)
      const [head = "", claims = "", signature = ""] = tokenOf(anns).split(".")
      const tokens = [
        tokenOf(bobs),
        body["access"],
        body["refresh"],
        `${head}.${claims}.`,
        `${head}.${claims}.${signature.slice(0, 40)}AAAA${signature.slice(44)}`,
        `${tokenOf(bobs).split(".")[0]}.${claims}.${tokenOf(bobs).split(".")[2]}`,
        "",
        "x".repeat(8_000),
      ]
      for (const token of tokens) {
        assert.strictEqual(yield* status(auth, showing(`unwind_device=${token}`)), 429, token)
      }
      yield* TestClock.adjust("90 days")
      yield* TestClock.adjust("1 minute")
      yield* attack(auth)
      assert.strictEqual(yield* status(auth, showing(anns)), 429)
    }))

  it.effect("is a stranger after a new password, since a thief may have made devices", () =>
    Effect.gen(function* () {
      const { auth, anns } = yield* withDevices()
      yield* attack(auth)
      assert.strictEqual(yield* status(auth, showing(anns)), 200)
      yield* Effect.promise(() =>
        auth.sql`
          update users set password_hash = b.password_hash from users b
          where users.username = 'ann' and b.username = 'bob'`
      )
      yield* Effect.promise(() => auth.sql`delete from sessions`)
      assert.strictEqual(yield* status(auth, showing(anns)), 429)
    }))
})
