/**
 * Requests that no route answers, or whose route breaks: they are counted and logged like the
 * others.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Schema } from "effect"
import { makeApp } from "#shared/http/app.ts"
import { anyone, guardedRoute, type Route } from "#shared/http/route.ts"
import { oneDoor } from "#tests/support/one-door.ts"

const thing = (method: "GET" | "POST", path: string) =>
  guardedRoute(anyone, {
    method,
    path,
    summary: "",
    answer: { status: 200, description: "", schema: Schema.Unknown },
    handle: () => Effect.succeed({ body: {} }),
  })

const broken: Route = {
  ...thing("GET", "/broken"),
  respond: () => {
    throw new Error("it broke outside of its Effect")
  },
}

const started = (name: string) =>
  Effect.map(
    makeApp({
      name,
      description: "",
      routes: [thing("GET", "/things/:id/"), thing("POST", "/things/:id"), broken],
      ready: {},
    }),
    oneDoor,
  )

type App = Effect.Success<ReturnType<typeof started>>

const ask = (app: App, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => await app.request(path, init))

/** How often requests of the service were counted, by route and status; without the zeros. */
const countsOf = (app: App, service: string) =>
  Effect.map(
    seriesOf(app, service),
    (counts) => Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
  )

/** All series of the service's requests, by route and status, with their counts. */
const seriesOf = (app: App, service: string) =>
  Effect.gen(function* () {
    const response = yield* ask(app, "/metrics")
    const text = yield* Effect.promise(() => response.text())
    const counts: Record<string, number> = {}
    for (const line of text.split("\n")) {
      if (!line.startsWith("http_request_duration_seconds_count")) continue
      if (!line.includes(`service="${service}"`)) continue
      const [, route] = /route="([^"]*)"/.exec(line) ?? []
      const [, status] = /status="([^"]*)"/.exec(line) ?? []
      counts[`${route} ${status}`] = Number(line.split(" ").at(-1))
    }
    return counts
  })

describe("the count of requests", () => {
  it.effect("starts with 0 for answers, failures, other methods and other paths", () =>
    Effect.gen(function* () {
      const series = yield* seriesOf(yield* started("new"), "new")
      assert.deepStrictEqual(new Set(Object.values(series)), new Set([0]))
      assert.includeMembers(Object.keys(series), [
        "GET /things/:id/ 200",
        "GET /things/:id/ 500",
        "GET /things/:id/ 503",
        "(another method) /things/:id 405",
        "(no route) 404",
        "(broken) 500",
      ])
    }))
})

describe("a request that no route answers", () => {
  it.effect("is counted, under a bounded number of names, whatever paths are tried", () =>
    Effect.gen(function* () {
      const app = yield* started("tried")
      for (let n = 0; n < 50; n++) {
        assert.strictEqual((yield* ask(app, `/nothing/${n}`)).status, 404)
        assert.strictEqual((yield* ask(app, `/things/${n}`, { method: `M${n}` })).status, 405)
      }
      assert.deepStrictEqual(yield* countsOf(app, "tried"), {
        "(no route) 404": 50,
        "(another method) /things/:id 405": 50,
      })
    }))

  it.effect("names all methods of a path, whether they have a slash at the end or not", () =>
    Effect.gen(function* () {
      const app = yield* started("methods")
      const response = yield* ask(app, "/things/1", { method: "DELETE" })
      assert.strictEqual(response.headers.get("allow"), "GET, HEAD, POST")
    }))
})

describe("a route that breaks", () => {
  it.effect("is logged with the request's id, counted, and answered without details", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const log = Logger.make(({ message, cause }) => {
        lines.push(JSON.stringify([message, cause.toString()]))
      })
      const app = yield* Effect.provide(started("broken"), Logger.layer([log]))
      const response = yield* ask(app, "/broken", { headers: { "x-request-id": "request-1" } })
      const text = yield* Effect.promise(() => response.text())
      assert.strictEqual(response.status, 500)
      assert.include(JSON.parse(text), { code: "internal_error", requestId: "request-1" })
      assert.notInclude(text, "it broke")
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "it broke outside of its Effect")
      assert.include(lines[0], "request-1")
      assert.deepStrictEqual(yield* countsOf(app, "broken"), { "(broken) 500": 1 })
    }))
})
