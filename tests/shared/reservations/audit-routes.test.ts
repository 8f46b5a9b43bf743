/** The three participants' routes for the audit, from outside. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { order, reserve } from "./participant.ts"
import { startParticipant } from "./running-participant.ts"

const doors = ["/internal/reservations", "/internal/books"]

describe("the routes for the audit", () => {
  for (const name of ["billing", "items", "slots"] as const) {
    it.live(`of ${name} let the orchestrator in, and nobody else`, () =>
      Effect.gen(function* () {
        const { call, token } = yield* startParticipant(name)
        for (const door of doors.flatMap((path) => [path, `${path}/`])) {
          assert.strictEqual((yield* call(door)).status, 401, door)
          const refused = yield* call(door, { token: yield* token("auth") })
          assert.deepStrictEqual([refused.status, refused.body.code], [403, "forbidden"], door)
          const { status } = yield* call(door, { token: yield* token("orchestrator") })
          assert.strictEqual(status, 200, door)
        }
      }))
  }

  it.live("show the records in pages", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      const orchestrator = yield* token("orchestrator")
      const commands = [reserve(1, "1"), reserve(2, "none"), reserve(3, "2")]
      yield* call(doors[0]!, { token: orchestrator, body: { commands } })
      const page = (query: string) =>
        Effect.map(
          call(`/internal/reservations?${query}`, { token: orchestrator }),
          ({ body }) => body.reservations.map(({ orderId }: { orderId: string }) => orderId),
        )
      assert.deepStrictEqual(yield* page(""), [order(3), order(2), order(1)])
      assert.deepStrictEqual(yield* page(`before=${order(3)}&after=${order(1)}`), [order(2)])
      assert.deepStrictEqual(yield* page("limit=1"), [order(3)])
      const { body } = yield* call("/internal/books", { token: orchestrator })
      assert.deepStrictEqual(body, { resources: 10, imbalanced: [] })
    }))

  it.live("refuse malformed requests", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("slots")
      const orchestrator = yield* token("orchestrator")
      const wrong = [
        "limit=0",
        "limit=1001",
        "limit=many",
        "limit=1&limit=2",
        "before=1",
        `before=${order(1)}&before=${order(2)}`,
        `after=${order(0xab).toUpperCase()}`,
        "cursor=1",
      ]
      for (const query of wrong) {
        const { status, body } = yield* call(`/internal/reservations?${query}`, {
          token: orchestrator,
        })
        assert.deepStrictEqual([status, body.code], [400, "invalid_request"], query)
      }
    }))
})
