/**
 * The routes by which a participant is told to forget: POST /internal/forget and GET
 * /internal/forgotten, for the orchestrator only.
 */
import { Effect } from "effect"
import { ForgetRequest, ForgetResponse, Forgotten } from "#shared/contracts/retention.ts"
import { route } from "#shared/http/route.ts"
import { Retention } from "./forget.ts"

/** The routes, over the participant's own records. */
export const forgetRoutes = Effect.gen(function* () {
  const retention = yield* Retention
  return yield* Effect.all([
    route({
      method: "POST",
      path: "/internal/forget",
      summary: "Forget records of old orders, at most a thousand, oldest first",
      body: { schema: ForgetRequest, maxBytes: 64 * 1024 },
      answer: { status: 200, description: "How many were forgotten", schema: ForgetResponse },
      handle: ({ body }) =>
        Effect.map(retention.forget(body), (forgotten) => ({ body: { forgotten } })),
    }),
    route({
      method: "GET",
      path: "/internal/forgotten",
      summary: "How far the participant has forgotten",
      answer: {
        status: 200,
        description: "Up to which order, and except for which",
        schema: Forgotten,
      },
      handle: () => Effect.map(retention.forgotten, (body) => ({ body })),
    }),
  ])
})
