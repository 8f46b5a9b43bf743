/** A server that was told to stop and still serves, so that no load balancer loses a request. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema, Scope } from "effect"
import { connect } from "node:net"
import { type AppOptions, makeApp } from "#shared/http/app.ts"
import { CurrentDrain, Drain } from "#shared/http/drain.ts"
import { listen } from "#shared/http/listen.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { until } from "#tests/services/orders/until.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { sendRaw } from "./raw.ts"

const routeAt = (path: string, handle: Parameters<typeof guardedRoute>[1]["handle"]) =>
  guardedRoute(anyone, {
    method: "GET",
    path,
    summary: "",
    answer: { status: 200, description: "", schema: Schema.Unknown },
    handle: handle as never,
  })

/** A server in a scope of its own, with a drain that has not begun. */
const started = (routes: AppOptions["routes"]) =>
  Effect.gen(function* () {
    const drain = new Drain()
    const app = yield* Effect.map(
      makeApp({ name: "draining", description: "", routes, ready: {} }),
      oneDoor,
    )
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const port = yield* listen(app, { host: "127.0.0.1", port: 0 }).pipe(
      Scope.provide(scope),
      Effect.provideService(CurrentDrain, drain),
    )
    return { drain, port, close: Scope.close(scope, Exit.void) }
  })

const keepAliveGet = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`

describe("a server that was told to stop", () => {
  it.live("is unready at once, and closes each connection after its next answer", () =>
    Effect.gen(function* () {
      const { drain, port } = yield* started([
        routeAt("/things", () => Effect.succeed({ body: 1 })),
      ])
      const ask = (path: string) => Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))
      assert.strictEqual((yield* ask("/readyz")).status, 200)
      drain.begin()
      const ready = yield* ask("/readyz")
      assert.strictEqual(ready.status, 503)
      assert.deepStrictEqual(yield* Effect.promise(() => ready.json()), {
        status: "stopping",
        service: "draining",
      })
      assert.strictEqual((yield* ask("/livez")).status, 200)
      for (let times = 0; times < 3; times++) {
        // The server closes the connection, although the client would go on.
        const { answer } = yield* sendRaw(port, keepAliveGet("/things"))
        assert.match(answer, /^HTTP\/1\.1 200 /)
        assert.match(answer, /\r\nconnection: close\r\n/i)
      }
    }))

  it.live("closes idle and busy connections after their next answer", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const { drain, port } = yield* started([
        routeAt("/things", () => Effect.succeed({ body: 1 })),
        routeAt("/slow", () =>
          Deferred.succeed(arrived, undefined).pipe(
            Effect.andThen(Deferred.await(go)),
            Effect.as({ body: 2 }),
          )),
      ])
      let answer = ""
      let isClosed = false
      const idle = connect(port, "127.0.0.1").setEncoding("utf8")
      idle.on("data", (text) => answer += text).on("close", () => isClosed = true)
      idle.write(keepAliveGet("/things"))
      yield* until("the first answer", () => answer.endsWith("1"))
      assert.match(answer, /\r\nconnection: keep-alive\r\n/i)
      const slow = yield* Effect.forkChild(sendRaw(port, keepAliveGet("/slow")))
      yield* Deferred.await(arrived)
      drain.begin()
      answer = ""
      idle.write(keepAliveGet("/things"))
      yield* until("the connection is closed", () => isClosed)
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(answer, /\r\nconnection: close\r\n/i)
      yield* Deferred.succeed(go, undefined)
      assert.match((yield* Fiber.join(slow)).answer, /\r\nconnection: close\r\n/i)
    }))

  it.live("keeps requests that only wait for something until it closes", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const told: Array<string> = []
      const { drain, port, close } = yield* started([
        routeAt("/wait", ({ closing }) =>
          Deferred.succeed(arrived, undefined).pipe(
            Effect.andThen(closing),
            Effect.andThen(Effect.sync(() => told.push("closing"))),
            Effect.as({ body: "told" }),
          )),
      ])
      const waiting = yield* Effect.forkChild(sendRaw(port, keepAliveGet("/wait")))
      yield* Deferred.await(arrived)
      drain.begin()
      // A round trip later, they would have been told.
      yield* sendRaw(port, keepAliveGet("/livez"))
      assert.deepStrictEqual(told, [])
      yield* close
      const { answer } = yield* Fiber.join(waiting)
      assert.include(answer, '"told"')
      assert.match(answer, /\r\nconnection: close\r\n/i)
    }))
})
