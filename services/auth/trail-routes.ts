/**
 * How the console records what operators do. Unlike the rest of the trail, these entries are on
 * disk before the answer, so that nothing is done without a record of who wanted it.
 */
import { Clock, Effect } from "effect"
import { TrailAction } from "#shared/contracts/trail.ts"
import { Problem } from "#shared/http/problem.ts"
import { CurrentRequest } from "#shared/http/request-origin.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import { trailTable } from "./trail-table.ts"

const example: TrailAction = {
  id: "0b36ab1f-4a2b-4bd6-9d2a-0d1f6a3e7c11",
  username: "ada",
  action: "order-cancel",
  target: "019a2d5e-7c1b-7000-8000-000000000001",
  reason: "the customer called",
  outcome: "begun",
}

const another = new Problem({
  status: 409,
  code: "action_differs",
  detail: "The trail has another action under this id. Give each action an id of its own.",
})

export const trailRoutes = Effect.gen(function* () {
  const { query } = yield* Database
  return [
    yield* route({
      method: "POST",
      path: "/internal/trail",
      summary: "Record that an operator begins an action, or how it ended",
      body: { schema: TrailAction, maxBytes: publicBodyBytes, example },
      answer: { status: 204, description: "It is on disk; of several ends the first is kept" },
      problems: [409],
      handle: Effect.fnUntraced(function* ({ body }) {
        const now = new Date(yield* Clock.currentTimeMillis)
        const request = (yield* CurrentRequest)?.requestId
        if (!(yield* query((sql) => trailTable(sql).action(body, now, request)))) {
          return yield* another
        }
        yield* Effect.logInfo("Audit trail", { ...body, request })
        return new Response(null, { status: 204 })
      }),
    }),
  ]
})
