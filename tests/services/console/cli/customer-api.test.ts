import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Hono } from "hono"
import { customerApi } from "#services/console/cli/customer-api.ts"
import { listen } from "#shared/http/listen.ts"
import { Problem, problemResponse } from "#shared/http/problem.ts"

/** What the client makes of this answer to GET /api/accounts/ada. */
const account = (answer: () => Response) =>
  Effect.gen(function* () {
    const app = new Hono().get("/api/accounts/ada", answer)
    const port = yield* Effect.orDie(listen(app, { host: "127.0.0.1", port: 0 }))
    return yield* customerApi(`http://127.0.0.1:${port}`).account("token", "ada")
  })

describe("customerApi", () => {
  it.live("returns an answer that matches its contract", () =>
    Effect.gen(function* () {
      const ada = { username: "ada", email: "ada@example.com", wallet: 99.5 }
      assert.deepStrictEqual(yield* account(() => Response.json(ada)), ada)
    }))

  it.live("fails with the API's message for a problem", () =>
    Effect.gen(function* () {
      const problem = new Problem({ status: 404, code: "x", detail: "You have no account." })
      const error = yield* Effect.flip(account(() => problemResponse(problem, "request-1")))
      assert.strictEqual(error.status, 404)
      assert.match(
        error.message,
        /^GET http:.*\/api\/accounts\/ada was answered with 404: You have no account\.$/,
      )
    }))

  it.live("fails with one line for an answer that is not as documented", () =>
    Effect.gen(function* () {
      for (
        const answer of [Response.json({ username: "ada", wallet: "99" }), new Response("<p>")]
      ) {
        const { message } = yield* Effect.flip(account(() => answer))
        assert.match(message, /^The answer to GET http.* is not as documented \(.+\)$/)
      }
    }))

  it.live("fails when there is no answer", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(customerApi("http://127.0.0.1:1").look)
      assert.deepStrictEqual([error.message, error.status], [
        "No answer from http://127.0.0.1:1",
        undefined,
      ])
    }))
})
