/** How many sign-ups may be tried. By the test's clock, an hour takes no time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { answers, isDown } from "./billing-double.ts"
import { ann, asTimePasses, signUp, startAuth } from "./running-auth.ts"

describe("a sign-up", () => {
  it.effect("is refused after too many from an address, or in all, until the wait is over", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SIGN_UPS_PER_ADDRESS: "4", SIGN_UPS_IN_ALL: "12" })
      const from = (address: string, username: string) =>
        auth.call("/api/auth/users/", { body: { ...ann, username }, address })
      assert.strictEqual((yield* from("2001:db8::1", "u1")).status, 201)
      // A taken name counts, a refused body does not.
      assert.strictEqual((yield* from("2001:db8::2", "")).status, 400)
      assert.strictEqual((yield* from("2001:db8::2", "u1")).status, 409)
      for (const username of ["u1", "u2"]) {
        const { status, body, headers } = yield* from("2001:db8::3", username)
        assert.deepStrictEqual([status, body.code], [429, "too_many_sign_ups"])
        assert.strictEqual(headers.get("retry-after"), "1800")
      }
      for (let n = 0; n < 4; n++) {
        assert.strictEqual((yield* from(`192.0.2.${n}`, `n${n}`)).status, 201)
      }
      const { status, headers } = yield* from("192.0.2.99", "n99")
      assert.deepStrictEqual([status, headers.get("retry-after")], [429, "600"])
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* from("192.0.2.99", "n99")).status, 201)
      assert.strictEqual((yield* from("2001:db8::1", "u2")).status, 429)
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual((yield* from("2001:db8::1", "u2")).status, 201)
    }))

  it.effect("does not count when it fails through no fault of the user", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SIGN_UPS_PER_ADDRESS: "4" })
      auth.billing.conduct = isDown
      for (let n = 0; n < 3; n++) {
        assert.strictEqual((yield* asTimePasses(signUp(auth))).status, 503)
      }
      auth.billing.conduct = answers
      assert.strictEqual((yield* signUp(auth)).status, 201)
    }))
})
