/** Sign-ups with a name that looks like another one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { answers, isDown } from "./billing-double.ts"
import { ann, asTimePasses, logIn, type RunningAuth, signUp, startAuth } from "./running-auth.ts"

const activeUsers = ({ sql }: RunningAuth) =>
  Effect.promise(() => sql`select username from users where active`.then(({ length }) => length))

describe("a name that is like another one", () => {
  it.effect("is taken when it differs in case only, or looks the same", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      yield* signUp(auth, { ...ann, username: "scope1" })
      for (
        const username of ["Ann", "ANN", "scopeI", "sc0pe1", "\u0455\u0441\u043E\u0440\u04351"]
      ) {
        const { status, body } = yield* signUp(auth, { ...ann, username })
        assert.deepStrictEqual([status, body.code], [409, "username_taken"], username)
        // For a log-in, it is a different name.
        assert.strictEqual((yield* logIn(auth, { ...ann, username })).status, 401)
      }
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("is given to one of many simultaneous sign-ups", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      const names = ["paypal", "PayPal", "paypaI", "paypa1", "PAYPAL", "pAypal", "payPal", "Paypal"]
      const outcomes = yield* Effect.forEach(
        names,
        (username, n) => signUp(n % 2 ? auth : replica, { ...ann, username }),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(outcomes.filter(({ status }) => status === 201).length, 1)
      assert.strictEqual(outcomes.filter(({ status }) => status === 409).length, 7)
      assert.strictEqual(yield* activeUsers(auth), 1)
    }))

  it.effect("is free while the other one is pending", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      auth.billing.conduct = isDown
      yield* asTimePasses(signUp(auth))
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(auth, { ...ann, username: "ANN" })).status, 201)
      assert.strictEqual((yield* signUp(auth)).status, 409)
    }))

  it.effect("stays with the user who had it before, and is taken for others", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      // Users of an earlier release, with names that would be refused today, and without keys.
      yield* Effect.promise(() =>
        auth.sql`
          insert into users (username, email, password_hash, attempt, active, written_at)
          select name, email, password_hash, attempt, true, written_at from users,
            unnest(${["Ann", "p\u0430ypal", "bob"]}::text[]) as name`
      )
      for (const username of ["ann", "Ann", "p\u0430ypal", "bob"]) {
        assert.strictEqual((yield* logIn(auth, { ...ann, username })).status, 200, username)
      }
      // Both a replica that starts and one that is running fill in their keys.
      for (
        const [username, start] of [["Bob", auth.replica], [
          "paypal",
          Effect.succeed(auth),
        ]] as const
      ) {
        const running = yield* start
        yield* running.upkeep
        assert.strictEqual((yield* signUp(running, { ...ann, username })).status, 409, username)
      }
      for (const username of ["ann", "Ann", "p\u0430ypal", "bob"]) {
        assert.strictEqual((yield* logIn(auth, { ...ann, username })).status, 200, username)
      }
    }))
})
