import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger, References, Schema } from "effect"
import { makeApp } from "#shared/http/app.ts"
import { Problem } from "#shared/http/problem.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { OutcomeUnknown, Unavailable } from "#shared/transient.ts"
import { oneDoor } from "#tests/support/one-door.ts"

const secrets = /postgres|10\.0\.0\.7|select|at .*\.ts|Error:/

const get = (
  path: string,
  handle: () => Effect.Effect<{ body: unknown }, Problem | Unavailable | OutcomeUnknown>,
) =>
  guardedRoute(anyone, {
    method: "GET",
    path,
    summary: "A test's",
    answer: { status: 200, description: "Whatever", schema: Schema.Unknown },
    handle,
  })

const inside = "select 1 from postgres at 10.0.0.7"
const ready = { state: "ok" }

const app = Effect.map(
  makeApp({
    name: "shop",
    description: "A shop.",
    routes: [
      guardedRoute(anyone, {
        method: "GET",
        path: "/things/:id/",
        summary: "A thing",
        params: Schema.Struct({ id: Schema.String.check(Schema.isMaxLength(10)) }),
        query: Schema.Struct({ colour: Schema.optionalKey(Schema.Literals(["red", "blue"])) }),
        answer: { status: 200, description: "It", schema: Schema.Unknown },
        handle: ({ params, query, remoteAddress }) =>
          Effect.succeed({ body: { ...params, ...query, remoteAddress: remoteAddress ?? null } }),
      }),
      guardedRoute(anyone, {
        method: "POST",
        path: "/things",
        summary: "A new thing",
        answer: { status: 201, description: "It", schema: Schema.Unknown },
        handle: () => Effect.succeed({ body: {}, headers: { location: "/things/1" } }),
      }),
      get("/things", () => Effect.succeed({ body: [] })),
      get("/unavailable", () => Effect.fail(new Unavailable({ message: inside }))),
      get("/unknown", () => Effect.fail(new OutcomeUnknown({ message: inside }))),
      get("/dead", () => Effect.die(new Error(inside))),
      get("/thrown", () => {
        throw new Error(inside)
      }),
      get("/circular", () => {
        const body: Record<string, unknown> = {}
        return Effect.succeed({ body: Object.assign(body, { body }) })
      }),
      get("/interrupted", () => Effect.interrupt),
      get("/teapot", () => new Problem({ status: 429, code: "slow", detail: "Wait." })),
    ],
    ready: {
      database: Effect.suspend(() =>
        ready.state === "ok" ? Effect.void : Effect.fail({ message: ready.state })
      ),
      queue: Effect.void,
    },
  }),
  oneDoor,
)

const ask = (path: string, init: RequestInit = {}) =>
  Effect.gen(function* () {
    const response = yield* Effect.flatMap(
      app,
      (app) => Effect.promise(async () => await app.request(path, init)),
    )
    const text = yield* Effect.promise(() => response.text())
    const type = response.headers.get("content-type")
    return { status: response.status, headers: response.headers, text, type }
  }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

describe("an app", () => {
  it.effect("answers with and without a trailing slash", () =>
    Effect.gen(function* () {
      for (const path of ["/things/7", "/things/7/", "/things", "/things/"]) {
        assert.strictEqual((yield* ask(path)).status, 200, path)
      }
      for (const path of ["/things", "/things/"]) {
        const { status, headers } = yield* ask(path, { method: "POST" })
        assert.deepStrictEqual([status, headers.get("location")], [201, "/things/1"], path)
      }
    }))

  it.effect("answers HEAD as GET, without a body", () =>
    Effect.gen(function* () {
      const { status, text } = yield* ask("/things/7", { method: "HEAD" })
      assert.deepStrictEqual([status, text], [200, ""])
    }))

  it.effect("decodes the path and the query, and refuses invalid values", () =>
    Effect.gen(function* () {
      const body = (path: string) => Effect.map(ask(path), ({ text }) => JSON.parse(text))
      assert.deepStrictEqual(yield* body("/things/%C3%BC%2F?colour=red"), {
        id: "ü/",
        colour: "red",
        remoteAddress: null,
      })
      for (
        const path of [
          "/things/12345678901",
          "/things/7?colour=green",
          "/things/7?size=3",
          "/things/%00",
          "/things/7?colour=%00",
        ]
      ) {
        const { status, type } = yield* ask(path)
        assert.deepStrictEqual([status, type], [400, "application/problem+json"], path)
      }
      assert.notStrictEqual((yield* ask("/things/%ff")).status, 500)
    }))

  it.effect("answers 404 for an unknown path, and names the allowed methods for a wrong one", () =>
    Effect.gen(function* () {
      const missing = yield* ask("/nothing/here")
      assert.deepStrictEqual([missing.status, missing.type], [404, "application/problem+json"])
      assert.strictEqual(JSON.parse(missing.text).code, "not_found")
      for (const path of ["/things", "/things/"]) {
        for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
          const wrong = yield* ask(path, { method })
          assert.deepStrictEqual([wrong.status, wrong.type], [405, "application/problem+json"])
          const allowed = wrong.headers.get("allow")?.split(", ").toSorted()
          assert.deepStrictEqual(allowed, ["GET", "HEAD", "POST"])
        }
      }
      const { status, headers } = yield* ask("/dead/", { method: "POST" })
      assert.deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD"])
    }))

  it.effect("never reveals what failed inside", () =>
    Effect.gen(function* () {
      for (
        const [path, status] of [
          ["/unavailable", 503],
          ["/unknown", 503],
          ["/interrupted", 503],
          ["/dead", 500],
          ["/thrown", 500],
          ["/circular", 500],
        ] as const
      ) {
        const answer = yield* ask(path, { headers: { "x-request-id": "request-1" } })
        assert.strictEqual(answer.status, status, path)
        assert.strictEqual(answer.type, "application/problem+json", path)
        assert.notMatch(answer.text, secrets, path)
        assert.strictEqual(JSON.parse(answer.text).requestId, "request-1", path)
        assert.strictEqual(answer.headers.get("retry-after"), status === 503 ? "1" : null, path)
      }
    }))

  it.effect("logs a defect once, with the request's id", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const log = Logger.make((entry) => {
        lines.push(JSON.stringify([entry.message, entry.cause.toString()]))
      })
      const { text } = yield* Effect.flatMap(
        app,
        (app) => Effect.promise(async () => (await app.request("/dead")).text()),
      ).pipe(
        Effect.provide(Logger.layer([log])),
        Effect.map((text) => ({ text })),
      )
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], JSON.parse(text).requestId)
      assert.include(lines[0], inside)
    }))

  it.effect("answers with the problem that a handler fails with", () =>
    Effect.gen(function* () {
      const { status, text } = yield* ask("/teapot")
      assert.strictEqual(status, 429)
      assert.include(JSON.parse(text), {
        type: "/docs/problems#slow",
        title: "Too Many Requests",
        detail: "Wait.",
      })
    }))

  it.effect("is alive, and is ready when everything that it needs is", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(JSON.parse((yield* ask("/livez")).text), {
        status: "alive",
        service: "shop",
      })
      const well = yield* ask("/readyz/")
      assert.deepStrictEqual([well.status, JSON.parse(well.text).checks], [200, {
        database: "ok",
        queue: "ok",
      }])
      ready.state = "The database cannot be used now (ECONNREFUSED)"
      const ill = yield* ask("/readyz")
      ready.state = "ok"
      assert.deepStrictEqual([ill.status, JSON.parse(ill.text)], [503, {
        status: "not ready",
        service: "shop",
        checks: { database: "The database cannot be used now (ECONNREFUSED)", queue: "ok" },
      }])
    }))

  it.effect("counts its requests by route and status", () =>
    Effect.gen(function* () {
      yield* ask("/things/1")
      yield* ask("/things/2")
      yield* ask("/things/%00")
      const { text, type } = yield* ask("/metrics")
      assert.match(type ?? "", /^text\/plain/)
      const count = (status: number) =>
        Number(
          text.split("\n").find((line) =>
            line.startsWith("http_request_duration_seconds_count") &&
            line.includes('route="GET /things/:id/"') && line.includes(`status="${status}"`)
          )?.split(" ").at(-1),
        )
      assert.isAtLeast(count(200), 2)
      assert.isAtLeast(count(400), 1)
      assert.notInclude(text, "/things/1")
    }))

  it.effect("interrupts a request that ends with its client", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const slow = yield* Effect.map(
        makeApp({
          name: "slow",
          description: "",
          routes: [guardedRoute(anyone, {
            method: "GET",
            path: "/slow",
            summary: "",
            answer: { status: 200, description: "", schema: Schema.Unknown },
            endsWithClient: true,
            handle: () =>
              Deferred.succeed(arrived, undefined).pipe(
                Effect.andThen(Effect.never),
                Effect.onInterrupt(() => Deferred.succeed(left, undefined)),
              ),
          })],
          ready: {},
        }),
        oneDoor,
      )
      const client = new AbortController()
      const asked = yield* Effect.forkChild(
        Effect.promise(async () => await slow.request("/slow", { signal: client.signal })),
      )
      yield* Deferred.await(arrived)
      client.abort()
      yield* Deferred.await(left)
      yield* Fiber.join(asked)
    }))
})
