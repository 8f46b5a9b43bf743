/** The routes by which the orchestrator makes a participant forget. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { firstIdAt } from "#shared/contracts/order.ts"
import { makeCalendar } from "#tests/support/calendar.ts"
import { order, reserve } from "./participant.ts"
import { startParticipant } from "./running-participant.ts"

const nothing = "00000000-0000-0000-0000-000000000000"
const request = { before: order(9), except: [order(3)] }

describe("POST /internal/forget", () => {
  it.live("forgets for the orchestrator, and GET /internal/forgotten shows how far", () =>
    Effect.gen(function* () {
      const calendar = yield* makeCalendar
      const retention = { RETENTION: "1 day" }
      const { sql, call, token, ...running } = yield* startParticipant("slots", {
        environment: retention,
      })
      const today = yield* token("orchestrator")
      const look = call("/internal/forgotten", { token: today })
      assert.deepStrictEqual((yield* look).body, { before: nothing, spared: [] })
      const commands = [reserve(1, "09:00"), reserve(2, "09:00"), reserve(3, "09:00")]
      yield* call("/internal/reservations", { token: today, body: { commands } })
      const early = yield* call("/internal/forget", { token: today, body: request })
      assert.deepStrictEqual([early.status, early.body], [200, { forgotten: 0 }])

      // The same request, two days later.
      calendar.pass("2 days")
      const later = yield* Effect.provideService(running.replica(), Clock.Clock, calendar.clock)
      const authorization = `Bearer ${yield* token("orchestrator", {
        issuedAt: 2 * 86_400,
        expires: 2 * 86_400 + 30,
      })}`
      const forget = Effect.promise(async () => {
        const headers = { authorization, "content-type": "application/json" }
        const body = JSON.stringify(request)
        return await (await later.request("/internal/forget", { method: "POST", headers, body }))
          .json()
      })
      assert.deepStrictEqual(yield* forget, { forgotten: 2 })
      assert.deepStrictEqual(yield* forget, { forgotten: 0 })
      const forgotten = { before: request.before, spared: request.except }
      assert.deepStrictEqual((yield* look).body, forgotten)
      const [slot] = yield* Effect.promise(() =>
        sql`select capacity::int, consumed::int, opening::int from slots where time = '09:00'`
      )
      assert.deepStrictEqual({ ...slot }, { capacity: 97, consumed: 2, opening: 100 })
    }))

  it.live("is for the orchestrator only, and so is the route that shows how far", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      const auth = { token: yield* token("auth") }
      const refused = yield* call("/internal/forget", { ...auth, body: request })
      assert.strictEqual(refused.status, 403)
      assert.strictEqual((yield* call("/internal/forgotten", auth)).status, 403)
      const { status } = yield* call("/internal/forget", { body: request })
      assert.deepStrictEqual([status, (yield* call("/internal/forgotten")).status], [401, 401])
    }))

  it.live("refuses malformed requests", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      const orchestrator = yield* token("orchestrator")
      const many = (count: number) => Array.from({ length: count }, (_, n) => order(n))
      const wrong: Readonly<Record<string, unknown>> = {
        "nothing": {},
        "no end": { except: [] },
        "no exceptions": { before: order(1) },
        "an end that is not an id": { ...request, before: "2026-01-01" },
        "an end in capitals": { ...request, before: order(0xab).toUpperCase() },
        "an exception that is not an id": { ...request, except: ["1"] },
        "1001 exceptions": { ...request, except: many(1_001) },
        "an unknown field": { ...request, force: true },
      }
      for (const [what, body] of Object.entries(wrong)) {
        const answer = yield* call("/internal/forget", { token: orchestrator, body })
        assert.strictEqual(answer.status, 400, what)
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      }
      const most = { before: firstIdAt(0), except: many(1_000) }
      const full = yield* call("/internal/forget", { token: orchestrator, body: most })
      assert.strictEqual(full.status, 200)
    }))
})
