import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { standingOf } from "#services/auth/session-rules.ts"

const session = { generation: 3, rotatedAtMs: 1_000_000, expiresAtMs: 9_000_000 }
const now = 1_010_000

describe("standingOf", () => {
  it("lets the current token be used until the session expires", () => {
    assert.strictEqual(standingOf(session, 3, now), "current")
    assert.strictEqual(standingOf(session, 3, 8_999_999), "current")
    assert.strictEqual(standingOf(session, 3, 9_000_000), "ended")
  })

  it("accepts the previous token for ten seconds", () => {
    assert.strictEqual(standingOf(session, 2, now), "justReplaced")
    assert.strictEqual(standingOf(session, 2, now + 1), "reused")
  })

  it("refuses tokens of a session that is gone", () => {
    assert.strictEqual(standingOf(undefined, 3, now), "ended")
  })

  it("treats any other generation as reused", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 10_000 }), (generation, sinceMs) => {
        fc.pre(generation !== 3 && generation !== 2)
        assert.strictEqual(standingOf(session, generation, session.rotatedAtMs + sinceMs), "reused")
      }),
    )
  })
})
