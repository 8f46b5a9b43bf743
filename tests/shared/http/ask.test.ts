/**
 * What a service that calls for somebody else passes on of an answer, and what it keeps to itself.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ask, type Callee, Fetch } from "#shared/http/client.ts"
import { Problem, problemParts } from "#shared/http/problem.ts"

const callee: Callee = {
  name: "orders",
  url: new URL("http://orders"),
  token: Effect.succeed("header.payload.signature"),
  timeoutMs: 2_000,
}

const answered = (status: number, text: string, headers: Record<string, string> = {}) =>
  ask(callee, "/things", { method: "GET" }).pipe(
    Effect.provideService(
      Fetch,
      () => Promise.resolve(new Response(text || null, { status, headers })),
    ),
    Effect.result,
  )

const told = (problem: Problem) => {
  const { body, headers } = problemParts(problem, "request")
  return answered(problem.status, body, headers)
}

const problem = (status: number, code: string) => new Problem({ status, code, detail: "Why." })

describe("a call on behalf of somebody else", () => {
  it.effect("passes on the answer, also an empty one", () =>
    Effect.gen(function* () {
      const some = yield* answered(201, '{"a":1}', { "idempotent-replayed": "true" })
      assert.isTrue(some._tag === "Success")
      if (some._tag === "Success") {
        assert.deepStrictEqual(some.success.body, { a: 1 })
        assert.strictEqual(some.success.headers.get("idempotent-replayed"), "true")
      }
      const none = yield* answered(204, "")
      assert.isTrue(none._tag === "Success" && none.success.body === undefined)
    }))

  it.effect("passes on the callee's own problem completely", () =>
    Effect.gen(function* () {
      for (const status of [400, 401, 403, 404, 409, 413, 422, 429, 503]) {
        const full = new Problem({
          status,
          code: "too_late",
          detail: "It is too late.",
          state: "completed",
          errors: [{ path: "a", message: "b" }],
          headers: { "retry-after": "7" },
        })
        const end = yield* told(full)
        assert.strictEqual(end._tag, "Failure")
        if (end._tag === "Failure") assert.deepStrictEqual({ ...end.failure }, { ...full })
      }
    }))

  it.effect("does not pass on a problem about the calling service", () =>
    Effect.gen(function* () {
      for (
        const [status, code, tag] of [
          [401, "unauthenticated", "Misconfigured"],
          [403, "forbidden", "Misconfigured"],
          [404, "not_found", "Misconfigured"],
          [405, "method_not_allowed", "Unavailable"],
          [500, "internal_error", "Unavailable"],
        ] as const
      ) {
        const end = yield* told(problem(status, code))
        assert.strictEqual(end._tag === "Failure" && end.failure._tag, tag, code)
      }
    }))

  it.effect("does not pass on an answer that is not a problem, such as a proxy's", () =>
    Effect.gen(function* () {
      for (const text of ["", "<html>", "{}", '{"status":404}', "null"]) {
        const end = yield* answered(502, text)
        assert.strictEqual(end._tag === "Failure" && end.failure._tag, "Unavailable", text)
      }
    }))
})
