/** What a caller that asks for somebody else hands on of an answer, and what it keeps to itself. */
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

describe("whoever asks for somebody else", () => {
  it.effect("is given the answer, also one with nothing in it", () =>
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

  it.effect("is given the callee's own problem, with all that is said in it", () =>
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

  it.effect("is given no problem with the one that asks for it", () =>
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

  it.effect("is given nothing that is no problem, as of a proxy", () =>
    Effect.gen(function* () {
      for (const text of ["", "<html>", "{}", '{"status":404}', "null"]) {
        const end = yield* answered(502, text)
        assert.strictEqual(end._tag === "Failure" && end.failure._tag, "Unavailable", text)
      }
    }))
})
