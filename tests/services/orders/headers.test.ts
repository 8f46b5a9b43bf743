import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { preferredWait } from "#services/orders/headers.ts"

const waitOf = (prefer: string) => {
  const wait = preferredWait({ headers: new Headers({ prefer }) })
  return wait && Duration.toSeconds(wait)
}

describe("preferredWait", () => {
  it.each(
    [
      ["wait=5", 5],
      ["wait=007", 7],
      ["Wait = 10", 10],
      ['wait="7"', 7],
      ["respond-async, wait=10", 10],
      ["return=minimal,wait=3;foo", 3],
      ["wait=30", 30],
    ] as const,
  )("understands %s", (prefer, seconds) => {
    assert.strictEqual(waitOf(prefer), seconds)
  })

  it.each(["wait=31", "wait=99999", "wait=99999999999999999999999999"])(
    "waits at most half a minute: %s",
    (prefer) => {
      assert.strictEqual(waitOf(prefer), 30)
    },
  )

  it.each([
    "",
    "wait",
    "wait=",
    "wait=0",
    "wait=-1",
    "wait=1.5",
    "wait=5s",
    "wait=five",
    'wait="5',
    "await=5",
    "respond-async",
    "return=wait=5",
  ])("ignores %s", (prefer) => {
    assert.isUndefined(waitOf(prefer))
  })
})
