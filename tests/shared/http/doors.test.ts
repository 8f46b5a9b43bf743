/**
 * The two doors of a service: what is behind each, and that one can be full, taken or missing
 * without the other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, Scope } from "effect"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { makeApp } from "#shared/http/app.ts"
import type { App } from "#shared/http/doors.ts"
import { type DoorOptions, listenDoors } from "#shared/http/listen-doors.ts"
import { anyone, guardedRoute, type Route } from "#shared/http/route.ts"
import { sendRaw } from "./raw.ts"

const get = (path: string, internal: boolean): Route => ({
  ...guardedRoute(anyone, {
    method: "GET",
    path,
    summary: "",
    answer: { status: 200, description: "", schema: Schema.Unknown },
    handle: () => Effect.succeed({ body: path }),
  }),
  internal,
})

const doors = makeApp({
  name: "shop",
  description: "",
  // The path does not decide who may call a route; its mark does.
  routes: [get("/api/things", false), get("/api/secret", true), get("/internal/open", false)],
  ready: {},
})

const here = { host: "127.0.0.1", port: 0 }
const opened = (options: Partial<DoorOptions> = {}) =>
  Effect.flatMap(doors, (doors) => listenDoors(doors, { public: here, internal: here, ...options }))

const ask = (app: App, path: string) => Effect.promise(async () => (await app.request(path)).status)

/** Connects and sends nothing; the connection ends with the scope. */
const silent = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = connect(port, "127.0.0.1")
      await once(socket, "connect")
      return socket
    }),
    (socket) => Effect.sync(() => void socket.destroy()),
  )

const isClosed = (socket: Socket) =>
  Effect.promise(async () => {
    // Nothing is ever sent on it: unless it is closed, the test waits for ever.
    await once(socket.on("error", () => {}).resume(), "close")
    return socket.bytesRead === 0
  })

const health = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"

describe("the doors of a service", () => {
  it.effect("show the routes that are marked for them, and nothing else", () =>
    Effect.gen(function* () {
      const { internal, public: open } = yield* doors
      const publicly = ["/api/things", "/internal/open", "/openapi/shop.json"]
      const internally = ["/api/secret", "/livez", "/readyz", "/metrics", "/openapi.json"]
      for (const path of publicly) {
        assert.deepStrictEqual([yield* ask(open, path), yield* ask(internal, path)], [200, 404])
      }
      for (const path of internally) {
        assert.deepStrictEqual([yield* ask(open, path), yield* ask(internal, path)], [404, 200])
      }
    }))

  it.effect("describe all routes at the internal door, the public ones at the other", () =>
    Effect.gen(function* () {
      const { internal, public: open } = yield* doors
      const paths = (app: App, path: string) =>
        Effect.promise(async () => {
          const document = await (await app.request(path)).json() as { readonly paths: object }
          return Object.keys(document.paths)
        })
      const all = ["/api/things", "/api/secret", "/internal/open"]
      assert.deepStrictEqual(yield* paths(internal, "/openapi.json"), all)
      assert.deepStrictEqual(yield* paths(open, "/openapi/shop.json"), [
        "/api/things",
        "/internal/open",
      ])
    }))

  it.live("hold a limited number of connections each, and close one more at once", () =>
    Effect.gen(function* () {
      const ports = yield* opened({ maxConnections: 2 })
      const [first] = [yield* silent(ports.public!), yield* silent(ports.public!)]
      assert.isTrue(yield* Effect.flatMap(silent(ports.public!), isClosed))
      // A full public door leaves the internal one free.
      assert.match((yield* sendRaw(ports.internal, health)).answer, /^HTTP\/1\.1 200 /)
      first.destroy()
      const again = sendRaw(ports.public!, health.replace("livez", "api/things")).pipe(
        Effect.map(({ answer }) => answer),
        Effect.orElseSucceed(() => ""),
      )
      const answer = yield* Effect.repeat(again, { until: (answer) => answer !== "" })
      assert.match(answer, /^HTTP\/1\.1 200 /)
    }))

  it.live("name every port that is in use, and leave none open", () =>
    Effect.gen(function* () {
      const taken = yield* opened()
      const at = (port: number) => ({ host: "127.0.0.1", port })
      const inUse = (port: number, name: string) =>
        `Port ${port} is in use: stop what uses it or set ${name} to another one`
      const both = yield* Effect.flip(
        opened({ public: at(taken.public!), internal: at(taken.internal) }),
      )
      assert.strictEqual(
        both.message,
        `${inUse(taken.public!, "PORT")}\n${inUse(taken.internal, "INTERNAL_PORT")}`,
      )
      const scope = yield* Scope.make()
      const free = yield* Scope.provide(opened(), scope)
      yield* Scope.close(scope, Exit.void)
      const one = opened({ public: at(free.public!), internal: at(taken.internal) })
      const { message } = yield* Effect.flip(Effect.scoped(one))
      assert.strictEqual(message, inUse(taken.internal, "INTERNAL_PORT"))
      // The free port is available again at once.
      yield* opened({ public: at(free.public!) })
    }))

  it.live("are one if the service has nothing for the public", () =>
    Effect.gen(function* () {
      const ports = yield* opened({ public: undefined })
      assert.isUndefined(ports.public)
      assert.match((yield* sendRaw(ports.internal, health)).answer, /^HTTP\/1\.1 200 /)
    }))
})
