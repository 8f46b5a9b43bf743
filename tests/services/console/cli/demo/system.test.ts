import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Hono } from "hono"
import { findSystem } from "#services/console/cli/demo/system.ts"
import { listen } from "#shared/http/listen.ts"
import { problemResponse, unavailable } from "#shared/http/problem.ts"

/** What the demo finds at a server that gives these answers when asked for its public keys. */
const find = (...answers: ReadonlyArray<() => Response>) =>
  Effect.gen(function* () {
    let asked = 0
    const app = new Hono().get(
      "/.well-known/jwks.json",
      () => answers[asked++]?.() ?? new Response("asked too often", { status: 500 }),
    )
    const port = yield* listen(app, { host: "127.0.0.1", port: 0 })
    const baseUrl = `http://127.0.0.1:${port}`
    const found = yield* Effect.result(findSystem(baseUrl, {}))
    return { baseUrl, found, asked }
  })

const keys = () => Response.json({ keys: [] })
const starting = () => problemResponse(unavailable("The system is starting."), "request-1")

describe("findSystem", () => {
  it.live("uses the running system at the given URL", () =>
    Effect.gen(function* () {
      const { baseUrl, found } = yield* find(keys)
      assert.isTrue(found._tag === "Success" && found.success.baseUrl === baseUrl)
    }))

  it.live("waits for a system that is starting", () =>
    Effect.gen(function* () {
      const { found, asked } = yield* find(starting, starting, keys)
      assert.deepStrictEqual([found._tag, asked], ["Success", 3])
    }))

  it.live("refuses a server that is not Unwind, and says what to do", () =>
    Effect.gen(function* () {
      for (
        const other of [() => new Response("hello"), () => new Response(null, { status: 404 })]
      ) {
        const { baseUrl, found } = yield* find(other)
        assert.strictEqual(
          found._tag === "Failure" ? found.failure.message : "found",
          `There is no Unwind at ${baseUrl}: start it with npm start, or give another --base-url`,
        )
      }
    }))

  it.live("refuses a URL without an answer", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(findSystem("http://127.0.0.1:1", {}))
      assert.include(message, "There is nothing at http://127.0.0.1:1: ")
    }))
})
