/**
 * The ids by which a request is found again: what a client gets, and what the services that the
 * request leads to get.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import fc from "fast-check"
import { makeApp } from "#shared/http/app.ts"
import { type Callee, Fetch, get } from "#shared/http/client.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { TracingEnabled } from "#shared/telemetry/trace.ts"

const callee: Callee = {
  name: "billing",
  url: new URL("http://billing"),
  token: Effect.succeed("a.b.c"),
  timeoutMs: 1_000,
}

const routeAt = (path: string, handle: () => Effect.Effect<{ body: unknown }, never>) =>
  guardedRoute(anyone, {
    method: "GET",
    path,
    summary: "",
    answer: { status: 200, description: "", schema: Schema.Unknown },
    handle,
  })

/** An app whose routes call billing, and what billing received. */
const calling = Effect.gen(function* () {
  const sent: Array<Readonly<Record<string, string>>> = []
  const call = Effect.orDie(get(callee, "/things"))
  const app = yield* makeApp({
    name: "orders",
    description: "",
    ready: {},
    routes: [
      routeAt("/call", () => Effect.map(call, (body) => ({ body }))),
    ],
  }).pipe(Effect.provideService(Fetch, (_, { headers }) => {
    sent.push(headers as Record<string, string>)
    return Promise.resolve(Response.json({}))
  }))
  const ask = (path: string, headers: Record<string, string> = {}) =>
    Effect.promise(async () => await app.public.request(path, { headers }))
  return { ask, sent, call }
})

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

describe("a request's id", () => {
  it.effect("is the client's own if it is valid, else a new one, and the same everywhere", () =>
    Effect.gen(function* () {
      const { ask, sent } = yield* calling
      const given = new Set<string>()
      const text = fc.oneof(
        fc.string({ maxLength: 80 }),
        fc.stringMatching(/^[\w.-]{1,80}$/),
        fc.constantFrom("", " ", "a".repeat(64), "a".repeat(65), "a b", "ä", "a,b", "a;b", "\t"),
      ).filter((id) => /^[\x20-\x7e\t]*$/.test(id))
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            text,
            fc.constantFrom("/call", "/nothing", "/call/?x"),
            async (id, path) => {
              sent.length = 0
              const response = await Effect.runPromise(ask(path, { "x-request-id": id }))
              const answered = response.headers.get("x-request-id")!
              // The spaces around a header's value do not belong to it.
              const asSent = id.replace(/^[ \t]+|[ \t]+$/g, "")
              if (/^[\w.-]{1,64}$/.test(asSent)) assert.strictEqual(answered, asSent)
              else {
                assert.match(answered, uuid)
                assert.isFalse(given.has(answered))
                given.add(answered)
              }
              if (response.status === 200) {
                assert.deepStrictEqual(sent.map((headers) => headers["x-request-id"]), [answered])
              } else assert.include(await response.json(), { requestId: answered })
            },
          ),
          { numRuns: 300 },
        )
      )
    }))

  it.effect("is new for each call that no request leads to", () =>
    Effect.gen(function* () {
      const { call, sent } = yield* calling
      yield* Effect.provideService(Effect.andThen(call, call), Fetch, (_, { headers }) => {
        sent.push(headers as Record<string, string>)
        return Promise.resolve(Response.json({}))
      })
      const ids = sent.map((headers) => headers["x-request-id"]!)
      assert.strictEqual(new Set(ids).size, 2)
      for (const id of ids) assert.match(id, uuid)
    }))
})

describe("a request's trace", () => {
  it.effect("is passed on unchanged without telemetry, and never made up", () =>
    Effect.gen(function* () {
      const { ask, sent } = yield* calling
      yield* ask("/call", { traceparent })
      yield* ask("/call")
      assert.deepStrictEqual(sent.map((headers) => headers["traceparent"]), [
        traceparent,
        undefined,
      ])
    }))

  it.effect("goes on in the callee, below a span of the call itself", () =>
    Effect.gen(function* () {
      const { ask, sent } = yield* calling.pipe(Effect.provideService(TracingEnabled, true))
      yield* ask("/call", { traceparent })
      yield* ask("/call")
      const [continued, begun] = sent.map((headers) => headers["traceparent"]!.split("-"))
      assert.strictEqual(continued![1], traceparent.split("-")[1])
      assert.notStrictEqual(continued![2], traceparent.split("-")[2])
      assert.match(begun!.join("-"), /^00-[\da-f]{32}-[\da-f]{16}-01$/)
      assert.notStrictEqual(begun![1], continued![1])
    }))
})
