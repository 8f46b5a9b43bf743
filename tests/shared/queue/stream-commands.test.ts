import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { beatMsOf, blockMsOf } from "#shared/queue/stream-commands.ts"

describe("blockMsOf", () => {
  it("is a beat, so that dead consumers are noticed in time", () => {
    assert.strictEqual(blockMsOf(Duration.millis(300)), beatMsOf(Duration.millis(300)))
  })

  it("is 2 seconds at most, so that a dead connection is noticed", () => {
    assert.strictEqual(blockMsOf(Duration.minutes(10)), 2000)
  })
})
