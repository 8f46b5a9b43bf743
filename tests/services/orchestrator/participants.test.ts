import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Participants, participantsLayer } from "#services/orchestrator/participants.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { Cancelled, Rejected } from "#shared/saga/saga.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { Unknown } from "#shared/transient.ts"
import { until } from "#tests/services/orders/until.ts"
import { built, type Conduct, fetchFailed } from "./scripted-service.ts"

const scripted = (level?: "Info") =>
  built<Participants, Participants["Service"], Command>(
    Participants,
    participantsLayer({
      urls: {
        billing: new URL("http://billing.test/"),
        items: new URL("http://items.test/"),
        slots: new URL("http://slots.test/"),
      },
      timeoutMs: 5_000,
    }),
    "commands",
    level,
  )
const underTest = scripted()

const anId = () => OrderId.make(crypto.randomUUID())

const json = (body: unknown, status = 200) => Promise.resolve(Response.json(body, { status }))

const answering = (outcome: Outcome["outcome"]): Conduct<Command> => (commands) =>
  json({ outcomes: commands.map(({ orderId }) => ({ orderId, outcome })) })

describe("participants", () => {
  it.live("are asked with a token of their own, each at its own address", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      script.conduct = answering("reserved")
      const orderId = anId()
      const { billing, items, slots } = script.service
      yield* billing.reserve(orderId, "ann", 1999)
      yield* items.reserve(orderId, "7", 1)
      yield* slots.reserve(orderId, "09:00", 1)
      script.conduct = answering("cancelled")
      yield* slots.cancel(orderId, "09:00", 1)
      const ask = (
        name: string,
        action: Command["action"],
        resource: string,
        quantity: number,
      ) => ({
        url: `http://${name}.test/internal/reservations`,
        authorization: `Bearer token-for-${name}`,
        entries: [{ orderId, action, resource, quantity }],
      })
      assert.deepStrictEqual(script.asked, [
        ask("billing", "reserve", "ann", 1999),
        ask("items", "reserve", "7", 1),
        ask("slots", "reserve", "09:00", 1),
        ask("slots", "cancel", "09:00", 1),
      ])
    }))

  it.live("make the outcomes of a reserve into types", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      const { items } = script.service
      const outcomeOf = (outcome: Outcome["outcome"]) => {
        script.conduct = answering(outcome)
        return Effect.exit(items.reserve(anId(), "1", 1))
      }
      assert.deepStrictEqual(yield* outcomeOf("reserved"), Exit.void)
      assert.deepStrictEqual(yield* outcomeOf("rejected"), Exit.fail(new Rejected()))
      assert.deepStrictEqual(yield* outcomeOf("cancelled"), Exit.fail(new Cancelled()))
      assert.deepStrictEqual(
        yield* outcomeOf("mismatch"),
        Exit.die(new Error("items has another reservation on record for the same order")),
      )
    }))

  it.live("do not take any other answer to a cancel than that it is done", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      const { items } = script.service
      for (const outcome of ["reserved", "rejected", "mismatch"] as const) {
        script.conduct = answering(outcome)
        assert.deepStrictEqual(
          yield* Effect.exit(items.cancel(anId(), "1", 1)),
          Exit.die(new Error(`items answered a cancel with ${outcome}`)),
        )
      }
    }))

  const orderId = anId()
  const outcome = "reserved"
  it.live.each<readonly [string, Conduct<Command>, "Unavailable" | "Unknown"]>([
    ["a refused connection", () => Promise.reject(fetchFailed("ECONNREFUSED")), "Unavailable"],
    ["a name that is not found", () => Promise.reject(fetchFailed("ENOTFOUND")), "Unavailable"],
    ["429", () => json({ code: "too_many" }, 429), "Unavailable"],
    ["500", () => json({}, 500), "Unavailable"],
    ["503", () => json({}, 503), "Unavailable"],
    ["a connection that is cut", () => Promise.reject(fetchFailed("ECONNRESET")), "Unknown"],
    ["an answer that breaks off", () => Promise.resolve(brokenOff()), "Unknown"],
    ["what is not JSON", () => Promise.resolve(new Response("<html>")), "Unknown"],
    ["an empty answer", () => Promise.resolve(new Response("")), "Unknown"],
    ["another JSON", () => json([]), "Unknown"],
    [
      "an outcome that there is not",
      () => json({ outcomes: [{ orderId, outcome: "yes" }] }),
      "Unknown",
    ],
    ["too few outcomes", () => json({ outcomes: [] }), "Unknown"],
    [
      "somebody else's outcome",
      () => json({ outcomes: [{ orderId: anId(), outcome }] }),
      "Unknown",
    ],
  ])("take %s as no answer", ([, conduct, expected]) =>
    Effect.gen(function* () {
      const script = yield* underTest
      script.conduct = conduct
      const { items } = script.service
      assert.strictEqual((yield* Effect.flip(items.reserve(orderId, "1", 1)))._tag, expected)
      assert.strictEqual((yield* Effect.flip(items.cancel(orderId, "1", 1)))._tag, expected)
    }))

  it.effect("do not wait for an answer for ever, and break off the request", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      let aborted = false
      script.conduct = (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            aborted = true
            reject(signal.reason)
          })
        )
      const { items } = script.service
      const failing = yield* Effect.forkChild(Effect.flip(items.reserve(anId(), "1", 1)))
      yield* until("items are asked", () => script.asked.length === 1)
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(failing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(failing)
      assert.instanceOf(error, Unknown)
      assert.strictEqual(error.message, "items did not answer within 5000 ms")
      assert.isTrue(aborted)
    }))

  it.live("are asked for many sagas in one request, for at most 1000 of them", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      let out = 0
      let most = 0
      script.conduct = async (commands) => {
        most = Math.max(most, ++out)
        await new Promise((resolve) => setTimeout(resolve, 20))
        out--
        return Response.json({
          outcomes: commands.map(({ orderId, quantity }) => ({
            orderId,
            outcome: quantity % 3 === 0 ? "rejected" : "reserved",
          })),
        })
      }
      const exits = yield* Effect.forEach(
        Array.from({ length: 3000 }, (_, n) => n + 1),
        (n) => Effect.exit(script.service.billing.reserve(anId(), "ann", n)),
        { concurrency: "unbounded" },
      )
      // Everybody gets the answer to his own.
      exits.forEach((exit, n) =>
        assert.deepStrictEqual(exit, (n + 1) % 3 === 0 ? Exit.fail(new Rejected()) : Exit.void)
      )
      const sizes = script.asked.map(({ entries }) => entries.length)
      assert.strictEqual(sizes.reduce((sum, size) => sum + size, 0), 3000)
      assert.isAtMost(Math.max(...sizes), 1000)
      assert.isAtMost(sizes.length, 5)
      assert.strictEqual(most, 1)
    }))

  it.live("are told of in the log once when they do not answer, and once when they do again", () =>
    Effect.gen(function* () {
      const logs: Array<string> = []
      const logger = Logger.make(({ message, logLevel }) => logs.push(`${logLevel} ${message}`))
      const script = yield* Effect.provide(scripted("Info"), Logger.layer([logger]))
      const { items, slots } = script.service
      for (let outage = 0; outage < 2; outage++) {
        script.conduct = () => Promise.reject(fetchFailed("ECONNREFUSED"))
        for (let n = 0; n < 3; n++) yield* Effect.flip(items.reserve(anId(), "1", 1))
        script.conduct = answering("reserved")
        for (let n = 0; n < 3; n++) yield* items.reserve(anId(), "1", 1)
        yield* slots.reserve(anId(), "09:00", 1)
      }
      const once = ["Warn items can not be reached (ECONNREFUSED)", "Info items answers again"]
      assert.deepStrictEqual(logs, [...once, ...once])
    }))
})

describe("participants over a real network", () => {
  /** A server that treats every connection alike; its address. */
  const serverThat = (treat: (socket: Socket) => void) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const sockets = new Set<Socket>()
        const server = createServer((socket) => {
          sockets.add(socket.on("error", () => {}))
          treat(socket)
        }).listen(0, "127.0.0.1")
        await once(server, "listening")
        return { server, sockets }
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          sockets.forEach((socket) => socket.destroy())
          server.close()
        }),
    ).pipe(Effect.map(({ server }) => (server.address() as AddressInfo).port))

  const failureAt = (port: number) =>
    Effect.gen(function* () {
      const url = new URL(`http://127.0.0.1:${port}/`)
      const layer = participantsLayer({
        urls: { billing: url, items: url, slots: url },
        timeoutMs: 300,
      })
      const signer = Layer.succeed(ServiceSigner, { tokenFor: () => Effect.succeed("token") })
      const context = yield* Effect.provideService(
        Layer.build(Layer.provide(layer, signer)),
        References.MinimumLogLevel,
        "None",
      )
      const { items } = Context.get(context, Participants)
      return yield* Effect.flip(items.reserve(anId(), "1", 1))
    })

  it.live("tell a refused connection from one that broke after it was made", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serverThat(() => {}))
      assert.strictEqual((yield* failureAt(closed))._tag, "Unavailable")
      const hanging = yield* serverThat(() => {})
      assert.strictEqual((yield* failureAt(hanging))._tag, "Unknown")
      const resetting = yield* serverThat((socket) =>
        socket.once("data", () => socket.resetAndDestroy())
      )
      assert.strictEqual((yield* failureAt(resetting))._tag, "Unknown")
      const head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
      const breakingOff = yield* serverThat((socket) => socket.once("data", () => socket.end(head)))
      assert.strictEqual((yield* failureAt(breakingOff))._tag, "Unknown")
    }))
})

const brokenOff = () =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"outcomes": ['))
        controller.error(fetchFailed("ECONNRESET"))
      },
    }),
  )
