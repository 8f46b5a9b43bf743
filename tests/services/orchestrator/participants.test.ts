import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, References } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Callees } from "#services/orchestrator/callees.ts"
import { Participants, participantsLayer } from "#services/orchestrator/participants.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { OutcomeUnknown } from "#shared/transient.ts"
import { until } from "#tests/services/orders/until.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { anId, answering, reserves, scriptedParticipants } from "./scripted-participants.ts"
import { type Conduct, fetchFailed, json } from "./scripted-service.ts"

describe("participants", () => {
  it.live("are called with a token of their own, each at its own address", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      script.conduct = answering("reserved")
      const [orderId, other] = [anId(), anId()]
      const money: ReadonlyArray<Command> = [
        { orderId, action: "reserve", resource: "ann", quantity: 1999 },
        { orderId: other, action: "reserve", resource: "bob", quantity: 1 },
      ]
      const slot: Command = { orderId, action: "cancel", resource: "09:00", quantity: 1 }
      assert.deepStrictEqual(
        yield* send("billing", money),
        [orderId, other].map((orderId) => ({ orderId, outcome: "reserved" })),
      )
      script.conduct = answering("cancelled")
      assert.deepStrictEqual(yield* send("slots", [slot]), [{ orderId, outcome: "cancelled" }])
      const asked = (name: string, entries: ReadonlyArray<Command>) => ({
        url: `http://${name}.test/internal/reservations`,
        authorization: `Bearer token-for-${name}`,
        entries,
      })
      assert.deepStrictEqual(script.asked, [asked("billing", money), asked("slots", [slot])])
    }))

  it.live.each<
    readonly [string, Conduct<Command>, "Unavailable" | "OutcomeUnknown" | "Misconfigured"]
  >([
    ["a refused connection", () => Promise.reject(fetchFailed("ECONNREFUSED")), "Unavailable"],
    ["an unknown host name", () => Promise.reject(fetchFailed("ENOTFOUND")), "Unavailable"],
    ["408", () => json({}, 408), "Unavailable"],
    ["429", () => json({ code: "too_many" }, 429), "Unavailable"],
    ["500", () => json({}, 500), "Unavailable"],
    ["503", () => json({}, 503), "Unavailable"],
    ["401", () => json({}, 401), "Misconfigured"],
    ["403", () => json({}, 403), "Misconfigured"],
    ["404", () => json({}, 404), "Misconfigured"],
    ["a connection that is cut", () => Promise.reject(fetchFailed("ECONNRESET")), "OutcomeUnknown"],
    ["an answer that breaks off", () => Promise.resolve(brokenOff()), "OutcomeUnknown"],
    ["an answer that breaks the protocol", () => json([]), "OutcomeUnknown"],
  ])("give %s as a transient failure", ([, conduct, expected]) =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      script.conduct = conduct
      for (const action of ["reserve", "cancel"] as const) {
        const command = { orderId: anId(), action, resource: "1", quantity: 1 }
        const [answer] = yield* script.service.send("items", [command])
        assert.propertyVal(answer!, "_tag", expected)
      }
    }))

  const [first, second, third] = [anId(), anId(), anId()]
  const answer = (ids: ReadonlyArray<string>, outcome = "reserved") =>
    json({ outcomes: ids.map((orderId) => ({ orderId, outcome })) })
  const breaches: ReadonlyArray<readonly [string, Conduct<Command>]> = [
    ["answered with something other than JSON", () => Promise.resolve(new Response("<html>"))],
    ["answered with an empty body", () => Promise.resolve(new Response(null, { status: 204 }))],
    ["answered [...]: expected object", () => json([])],
    ["answered without outcomes", () => json({ results: [] })],
    ["answered outcomes as {...}: expected array", () => json({ outcomes: {} })],
    [
      'answered outcomes.0.outcome as "don?t\\n": expected "reserved" | "rejected" | "cancelled" | ' +
      '"mismatch"',
      () => answer([first, second], "don\u2028t\n"),
    ],
    [
      "answered outcomes.0.orderId as something else: expected an order's id",
      () => answer([first.toUpperCase(), second]),
    ],
    ["answered 1 outcome to 2 commands", () => answer([first])],
    ["answered 3 outcomes to 2 commands", () => answer([first, second, second])],
    ["answered in another sequence than it was asked", () => answer([second, first])],
    ["answered twice for an order, and not for another one", () => answer([first, first])],
    [
      "answered for an order that it was not asked about in this request",
      () => answer([first, third]),
    ],
  ]
  it.live.each(breaches)(
    "that %s are reported, with the page of the protocol",
    ([mistake, conduct]) =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        script.conduct = conduct
        const message = `items ${mistake} (docs/protocol.md#the-answer)`
        const answers = yield* script.service.send(
          "items",
          [first, second].map((orderId) => ({
            orderId,
            action: "reserve",
            resource: "1",
            quantity: 1,
          })),
        )
        for (const given of answers) {
          assert.deepInclude(given, { _tag: "OutcomeUnknown", message })
        }
        assert.strictEqual((yield* Effect.flip(script.configured)).message, message)
      }),
  )

  it.live("that answer a cancel with another outcome than cancelled have not undone it", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      for (const outcome of ["reserved", "rejected", "mismatch"]) {
        script.conduct = () => answer([first], outcome)
        const cancel = { orderId: first, action: "cancel", resource: "1", quantity: 1 } as const
        const [given] = yield* script.service.send("items", [cancel])
        const message = `items answered a cancel with "${outcome}": the only answer to it is ` +
          '"cancelled" (docs/protocol.md#the-answer)'
        assert.deepInclude(given, { _tag: "OutcomeUnknown", message })
      }
    }))

  it.live("are reported in one short line, however long their answer is", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const much = "x\n".repeat(100_000)
      for (const body of [much, `"${"x".repeat(100_000)}"`]) {
        script.conduct = () => Promise.resolve(new Response(body))
        const [given] = yield* script.service.send("items", reserves(1))
        assert.instanceOf(given, OutcomeUnknown)
        assert.isBelow((given as OutcomeUnknown).message.length, 300)
        assert.notInclude((given as OutcomeUnknown).message, "\n")
        for (const part of Object.values((given as OutcomeUnknown).breach ?? {})) {
          assert.isAtMost(part.length, 100)
        }
      }
    }))

  it.effect("have a limited time to answer, after which the request is aborted", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      let aborted = false
      script.conduct = (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            aborted = true
            reject(signal.reason)
          })
        )
      const failing = yield* Effect.forkChild(script.service.send("items", reserves(1)))
      yield* until("items is called", () => script.asked.length === 1)
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(failing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const [answer] = yield* Fiber.join(failing)
      assert.instanceOf(answer, OutcomeUnknown)
      assert.propertyVal(answer, "message", "items did not answer within 5000 ms")
      assert.isTrue(aborted)
    }))
})

describe("participants over a real network", () => {
  /** The port of a server that treats every connection like this. */
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

  const answerAt = (port: number) =>
    Effect.gen(function* () {
      const url = new URL(`http://127.0.0.1:${port}/`)
      const context = yield* participantsLayer({
        urls: forEachParticipant(() => url),
        timeoutMs: 300,
      }).pipe(
        Layer.provide([
          Callees.layer,
          Layer.succeed(ServiceSigner, { tokenFor: () => Effect.succeed("token") }),
        ]),
        Layer.build,
        Effect.provideService(References.MinimumLogLevel, "None"),
      )
      const [answer] = yield* Context.get(context, Participants).send("items", reserves(1))
      return answer!
    })

  it.live("are unavailable when they refuse connections, and unknown when these break", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serverThat(() => {}))
      assert.propertyVal(yield* answerAt(closed), "_tag", "Unavailable")
      const hanging = yield* serverThat(() => {})
      assert.propertyVal(yield* answerAt(hanging), "_tag", "OutcomeUnknown")
      const resetting = yield* serverThat((socket) =>
        socket.once("data", () => socket.resetAndDestroy())
      )
      assert.propertyVal(yield* answerAt(resetting), "_tag", "OutcomeUnknown")
      const head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
      const breakingOff = yield* serverThat((socket) => socket.once("data", () => socket.end(head)))
      assert.propertyVal(yield* answerAt(breakingOff), "_tag", "OutcomeUnknown")
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
