/** The sign-in of the first operator: from where, how often, and after a partial failure. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt } from "jose"
import { CurrentFirstSignIn, makeFirstSignIn } from "#services/auth/first-sign-in.ts"
import { signUp, startAuth } from "./running-auth.ts"

const prepared = Effect.gen(function* () {
  const signIn = yield* makeFirstSignIn
  const auth = yield* startAuth().pipe(Effect.provideService(CurrentFirstSignIn, signIn))
  const exchange = (
    { token = signIn.token, address = "127.0.0.1", headers = {} }: {
      token?: string
      address?: string
      headers?: Readonly<Record<string, string>>
    } = {},
  ) =>
    Effect.map(
      auth.call("/api/token/first-operator/", {
        body: { token },
        address,
        headers: { host: "localhost:8080", ...headers },
      }),
      ({ status, body }) => {
        const { code, access } = body as { code?: string; access?: string }
        return { status, code, access }
      },
    )
  return { auth, exchange }
})

describe("the exchange for the first operator", () => {
  it.effect("works on this machine only: no other address, no proxy, no other host name", () =>
    Effect.gen(function* () {
      const { exchange } = yield* prepared
      const elsewhere = [
        { address: "192.168.1.5" },
        { address: "::2" },
        { address: "127.0.0.1.evil" },
        { headers: { host: "rebound.example" } },
        { headers: { host: "localhost.example:8080" } },
        { headers: { "x-forwarded-for": "127.0.0.1" } },
        { headers: { forwarded: "for=127.0.0.1" } },
        { headers: { "x-real-ip": "127.0.0.1" } },
        { headers: { via: "1.1 tunnel" } },
      ]
      for (const from of elsewhere) {
        const { status, code } = yield* exchange(from)
        assert.deepStrictEqual([status, code], [403, "this_machine_only"], JSON.stringify(from))
      }
      // None of them has used up the token.
      assert.strictEqual((yield* exchange({ address: "::1" })).status, 200)
    }))

  it.effect("gives tokens of an operator once, and takes the name", () =>
    Effect.gen(function* () {
      const { auth, exchange } = yield* prepared
      const wrong = yield* exchange({ token: "a".repeat(43) })
      assert.deepStrictEqual([wrong.status, wrong.code], [401, "sign_in_address_used"])
      const { status, access = "" } = yield* exchange()
      assert.strictEqual(status, 200)
      const { sub, role } = decodeJwt(access)
      assert.deepStrictEqual([sub, role], ["operator", "operator"])
      assert.strictEqual((yield* exchange()).status, 401)
      const user = { username: "Operator", password: "correct horse battery", email: "o@x.org" }
      assert.strictEqual((yield* signUp(auth, user)).status, 409)
    }))

  it.effect("can be retried after a failure, but not after an hour", () =>
    Effect.gen(function* () {
      const { auth, exchange } = yield* prepared
      yield* Effect.promise(() => auth.sql`alter table users rename to gone`)
      assert.notStrictEqual((yield* exchange()).status, 200)
      yield* Effect.promise(() => auth.sql`alter table gone rename to users`)
      yield* TestClock.adjust("61 minutes")
      assert.strictEqual((yield* exchange()).status, 401)
      const other = yield* prepared
      yield* Effect.promise(() => other.auth.sql`alter table users rename to gone`)
      assert.notStrictEqual((yield* other.exchange()).status, 200)
      yield* Effect.promise(() => other.auth.sql`alter table gone rename to users`)
      assert.strictEqual((yield* other.exchange()).status, 200)
    }))

  it.effect("does not make an operator of a customer who has the name", () =>
    Effect.gen(function* () {
      const { auth, exchange } = yield* prepared
      const user = { username: "operator", password: "correct horse battery", email: "o@x.org" }
      assert.strictEqual((yield* signUp(auth, user)).status, 201)
      const { status, code } = yield* exchange()
      assert.deepStrictEqual([status, code], [409, "name_taken"])
      const [row] = yield* Effect.promise(() => auth.sql`select operator_since from users`)
      assert.isNull(row?.["operator_since"])
    }))

  it.effect("does not exist when no address was printed", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { status, body } = yield* auth.call("/api/token/first-operator/", {
        body: { token: "a" },
        address: "127.0.0.1",
        headers: { host: "localhost" },
      })
      const { code } = body as { code: string }
      assert.deepStrictEqual([status, code], [404, "no_sign_in_address"])
    }))
})
