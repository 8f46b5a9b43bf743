/** The trail of an action during which its service, or auth, fails. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import {
  type Conduct,
  isDown,
  losesAnswers,
  type RunningConsole,
  soon,
  startConsole,
} from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
})
afterEach(() => console_.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const restock = (why: string) =>
  console_.ask("stock/items/adjustments", {
    body: { resource: "3", change: 1, reason: why },
    headers: { "idempotency-key": crypto.randomUUID() },
  })
const adjustments = async (why: string) => {
  const { body } = await console_.ask("stock/items/adjustments?limit=500")
  return body.adjustments.filter(({ reason }: { readonly reason: string }) => reason === why).length
}
const recorded = async (why: string) =>
  (await console_.trail()).filter((entry) => entry.why === why)
    .map(({ outcome, code }) => [outcome, code])

/** Applies the conduct to the first `times` entries for the trail with these outcomes. */
const ofTrail = (outcomes: RegExp, conduct: Conduct, times = Infinity): Conduct => {
  let left = times
  return async (answer, request) => {
    const isTrail = new URL(request.url).pathname === "/internal/trail"
    const { outcome } = isTrail
      ? await request.clone().json() as { readonly outcome: string }
      : { outcome: "" }
    if (!isTrail || !outcomes.test(outcome) || left-- <= 0) return await answer()
    return await conduct(answer, request)
  }
}

describe("an action", () => {
  it.each([["cannot be reached", isDown], ["loses its answer", losesAnswers]])(
    "is not performed when auth, which records it, %s",
    async (_, conduct) => {
      const why = crypto.randomUUID()
      console_.disturb("auth", ofTrail(/./, conduct))
      const { status, body } = await restock(why)
      assert.strictEqual(status, 503)
      assert.strictEqual(body.code, "trail_unavailable")
      console_.restore()
      assert.strictEqual(await adjustments(why), 0)
      const failed = [["failed", "trail_unavailable"]]
      await soon(
        "the trail says that nothing was done",
        async () => JSON.stringify(await recorded(why)) === JSON.stringify(failed),
      )
    },
  )

  it("is performed once, and its outcome is recorded as soon as auth is back", async () => {
    const why = crypto.randomUUID()
    console_.disturb("auth", ofTrail(/done/, isDown, 3))
    const { status } = await restock(why)
    assert.strictEqual(status, 201)
    assert.deepStrictEqual(await recorded(why), [["begun", null]])
    await soon("the outcome is recorded", async () => (await recorded(why))[0]?.[0] === "done")
    assert.strictEqual(await adjustments(why), 1)
  })

  it("is recorded as failed when its service is unavailable", async () => {
    const why = crypto.randomUUID()
    console_.disturb("items", isDown)
    const { status, body } = await restock(why)
    assert.deepStrictEqual([status, body.code], [503, "service_away"])
    assert.include(body.detail, "items")
    assert.deepStrictEqual(await recorded(why), [["failed", "service_away"]])
  })

  it("is answered with outcome_unknown when the service's answer is lost", async () => {
    const why = crypto.randomUUID()
    console_.disturb("items", losesAnswers)
    const { status, body } = await restock(why)
    assert.deepStrictEqual([status, body.code], [503, "outcome_unknown"])
    console_.restore()
    assert.deepStrictEqual(await recorded(why), [["failed", "outcome_unknown"]])
    assert.strictEqual(await adjustments(why), 1)
  })
})
