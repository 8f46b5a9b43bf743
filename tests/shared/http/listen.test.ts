/** Real sockets, with Node's server under Node and Deno's under Deno. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Latch, Queue, Schema, Scope, Semaphore } from "effect"
import { connect } from "node:net"
import { makeApp } from "#shared/http/app.ts"
import { get } from "#shared/http/client.ts"
import { listen } from "#shared/http/listen.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { until } from "#tests/services/orders/until.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { sendRaw } from "./raw.ts"

const appWith = (wait: Effect.Effect<void>) =>
  Effect.map(
    makeApp({
      name: "test",
      description: "",
      routes: [
        guardedRoute(anyone, {
          method: "POST",
          path: "/echo",
          summary: "",
          body: { schema: Schema.Struct({ text: Schema.String }), maxBytes: 64 },
          answer: { status: 200, description: "", schema: Schema.Unknown },
          handle: ({ body, remoteAddress }) => Effect.succeed({ body: { ...body, remoteAddress } }),
        }),
        guardedRoute(anyone, {
          method: "GET",
          path: "/slow",
          summary: "",
          answer: { status: 200, description: "", schema: Schema.Unknown },
          handle: () => Effect.as(wait, { body: { text: "at last" } }),
        }),
        guardedRoute(anyone, {
          method: "GET",
          path: "/slow-while-there",
          summary: "",
          endsWithClient: true,
          answer: { status: 200, description: "", schema: Schema.Unknown },
          handle: () => Effect.as(wait, { body: { text: "at last" } }),
        }),
      ],
      ready: {},
    }),
    oneDoor,
  )

const here = { host: "127.0.0.1", port: 0 }

const started = Effect.flatMap(appWith(Effect.void), (app) => listen(app, here))

describe("listen", () => {
  it.live("serves the app on a port that the system chooses, and tells it the peer's address", () =>
    Effect.gen(function* () {
      const port = yield* started
      const answer = yield* Effect.promise(async () => {
        const response = await fetch(`http://127.0.0.1:${port}/echo`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: "hello" }),
        })
        return [response.status, await response.json()] as const
      })
      assert.deepStrictEqual(answer, [200, { text: "hello", remoteAddress: "127.0.0.1" }])
    }))

  it.live("cuts a connection whose request gets no answer, and goes on", () =>
    Effect.gen(function* () {
      let answers = 0
      const fetchApp = () => Promise.resolve(answers++ > 0 ? new Response("{}") : Response.error())
      const port = yield* listen({ fetch: fetchApp }, here)
      const callee = { name: "it", url: new URL(`http://127.0.0.1:${port}`), timeoutMs: 60_000 }
      const cut = yield* Effect.flip(get(callee, "/"))
      assert.deepInclude(cut, { _tag: "OutcomeUnknown" })
      assert.deepStrictEqual(yield* get(callee, "/"), {})
    }))

  it.live("holds a body to its limit, whatever length it declares", () =>
    Effect.gen(function* () {
      const port = yield* started
      const head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" +
        "content-type: application/json\r\n"
      const chunk = `${" ".repeat(0xff)}`
      const chunked = `ff\r\n${chunk}\r\n0\r\n\r\n`
      const status = (request: string) =>
        Effect.map(sendRaw(port, `${head}${request}`), ({ answer }) => answer.split(" ")[1])
      assert.strictEqual(yield* status(`content-length: 255\r\n\r\n${chunk}`), "413")
      assert.strictEqual(yield* status(`transfer-encoding: chunked\r\n\r\n${chunked}`), "413")
      // Requests are smuggled with two lengths that differ.
      const both = yield* status(
        `content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${chunked}`,
      )
      assert.include(["400", "413"], both)
    }))

  it.live(
    "lets the requests in flight finish when it closes, and accepts no new ones",
    () =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const app = yield* appWith(
          Effect.andThen(Deferred.succeed(arrived, undefined), Deferred.await(go)),
        )
        const scope = yield* Scope.make()
        const port = yield* Scope.provide(listen(app, here), scope)
        const url = `http://127.0.0.1:${port}/slow`
        const slow = yield* Effect.forkChild(
          Effect.promise(async () => await (await fetch(url)).json()),
        )
        yield* Deferred.await(arrived)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        const refused = Effect.promise(() => fetch(url).then(() => false, () => true))
        yield* refused.pipe(
          Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) }),
          Effect.repeat({ while: (isRefused) => !isRefused, times: 5 }),
          Effect.map((isRefused) => assert.isTrue(isRefused)),
        )
        yield* Deferred.succeed(go, undefined)
        assert.deepStrictEqual(yield* Fiber.join(slow), { text: "at last" })
        yield* Fiber.join(closing)
      }),
  )

  it.live("stores nothing for a client that hung up while it waited for its turn", () =>
    Effect.gen(function* () {
      const turn = yield* Semaphore.make(1)
      const waiting = yield* Latch.make()
      const left = yield* Latch.make()
      const stored: Array<string> = []
      const app = yield* Effect.map(
        makeApp({
          name: "store",
          description: "",
          routes: [
            guardedRoute(anyone, {
              method: "POST",
              path: "/things",
              summary: "",
              body: { schema: Schema.Struct({ name: Schema.String }), maxBytes: 64 },
              answer: { status: 201, description: "", schema: Schema.Unknown },
              endsWithClient: true,
              handle: ({ body }) =>
                Effect.andThen(
                  waiting.open,
                  turn.withPermit(Effect.sync(() => ({ body: stored.push(body.name) }))),
                ).pipe(Effect.onInterrupt(() => left.open)),
            }),
          ],
          ready: {},
        }),
        oneDoor,
      )
      const port = yield* listen(app, here)
      const post = (name: string, more = "") => {
        const body = JSON.stringify({ name })
        return `POST /things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}` +
          `content-length: ${body.length}\r\n\r\n${body}`
      }
      yield* turn.take(1)
      const impatient = connect(port, "127.0.0.1")
      impatient.write(post("gone"))
      yield* waiting.await
      impatient.destroy()
      yield* left.await
      yield* turn.release(1)
      const { answer } = yield* sendRaw(port, post("patient", "connection: close\r\n"))
      assert.include(answer, " 201 ")
      assert.deepStrictEqual(stored, ["patient"])
    }))

  it.live("finishes a request whose client hangs up, unless the route ends with its client", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const arrivals = yield* Queue.unbounded<void>()
      const go = yield* Deferred.make<void>()
      const app = yield* appWith(
        Queue.offer(arrivals, undefined).pipe(
          Effect.andThen(Deferred.await(go)),
          Effect.onExit((exit) =>
            Effect.sync(() => told.push(Exit.hasInterrupts(exit) ? "interrupted" : "done"))
          ),
        ),
      )
      const port = yield* listen(app, here)
      const hangUpOn = Effect.fnUntraced(function* (path: string) {
        const socket = connect(port, "127.0.0.1").on("error", () => {})
        socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
        yield* Queue.take(arrivals)
        socket.destroy()
      })
      yield* hangUpOn("/slow")
      yield* hangUpOn("/slow-while-there")
      yield* until("one request is interrupted", () => told.length === 1)
      assert.deepStrictEqual(told, ["interrupted"])
      yield* Deferred.succeed(go, undefined)
      yield* until("the other request is done", () => told.length === 2)
      assert.deepStrictEqual(told, ["interrupted", "done"])
      // A client that stays gets its answer as usual.
      const answer = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/slow-while-there`))
      assert.strictEqual(answer.status, 200)
    }))

  it.live("says what to do when its port is taken", () =>
    Effect.gen(function* () {
      const port = yield* started
      const app = yield* appWith(Effect.void)
      const { message } = yield* Effect.flip(listen(app, { ...here, port }))
      assert.strictEqual(
        message,
        `Port ${port} is in use: stop what uses it or set PORT to another one`,
      )
    }))

  it.live("says what to do when its address is not of this machine", () =>
    Effect.gen(function* () {
      const app = yield* appWith(Effect.void)
      const { message } = yield* Effect.flip(listen(app, { host: "192.0.2.1", port: 0 }))
      assert.match(
        message,
        /^Cannot listen on 192\.0\.2\.1:0 \(.+\): set HOST and PORT to an address of this machine$/,
      )
      assert.notInclude(message, "\n")
    }))
})
