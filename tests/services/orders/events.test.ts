import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { connect } from "node:net"
import type { OrderView, TimelineEntry } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { listen } from "#shared/http/listen.ts"
import {
  place,
  type RunningOrders,
  sharedOrders,
  someone,
  startOrders,
  tokenOf,
} from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const entry = (
  step: TimelineEntry["step"],
  action: TimelineEntry["action"],
  outcome: TimelineEntry["outcome"],
): TimelineEntry => ({
  step,
  action,
  outcome,
  attempts: 1,
  at: "2026-01-02T03:04:05.678Z",
  durationMs: 5,
})
const reserves = [entry("money", "reserve", "reserved"), entry("item", "reserve", "rejected")]
const cancels = [entry("money", "cancel", "cancelled")]

type Event =
  & { readonly id: number }
  & (
    | { readonly event: "status"; readonly data: OrderView }
    | { readonly event: "step"; readonly data: TimelineEntry }
  )

const parse = (text: string): ReadonlyArray<Event> =>
  text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":")).map((block) => {
    const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block)!
    return { id: Number(id), event, data: JSON.parse(data!) } as Event
  })

/** Opens the event stream of an order. */
const open = (
  { request }: RunningOrders,
  id: string,
  headers: Record<string, string> = {},
  user = "ann",
) =>
  Effect.promise(async () => {
    const response = await request(`/api/orders/${id}/events`, { user, headers })
    assert.strictEqual(response.status, 200)
    assert.strictEqual(response.headers.get("content-type"), "text/event-stream")
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    const rest = async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += part.value
      }
      return parse(text)
    }
    return {
      /** All events, once the stream has ended. */
      rest: Effect.promise(rest),
      /** The next text of the stream. */
      next: Effect.promise(async () => (await reader.read()).value),
      cancel: Effect.promise(() => reader.cancel()),
    }
  })

const fail = (running: RunningOrders, orderId: OrderId) =>
  running.decide(
    { orderId, decision: "abort", reason: "Can not reserve the item", timeline: reserves },
    { orderId, decision: "settle", timeline: cancels },
  )

/** The events in short form: a step by its outcome, a status by its name. */
const short = (events: ReadonlyArray<Event>) =>
  events.map(({ id, ...rest }) => {
    if (rest.event === "step") {
      const { action, step, outcome } = rest.data
      return `${id} ${action} ${step}: ${outcome}`
    }
    const { status, success, reason, decidedAt } = rest.data
    return `${id} ${status} ${success} ${reason} ${decidedAt !== null}`
  })
const failed = [
  "0 pending null null false",
  "1 reserve money: reserved",
  "2 reserve item: rejected",
  "3 compensating null Can not reserve the item false",
  "4 cancel money: cancelled",
  "5 failed false Can not reserve the item true",
]

const openStreams = ({ app }: RunningOrders) =>
  Effect.promise(async () => {
    const text = await (await app.request("/metrics")).text()
    return Number(/^order_event_streams (\d+)$/m.exec(text)?.[1])
  })

describe("GET /api/orders/{id}/events", () => {
  it.live("sends all events in order, and ends when the order is final", () =>
    Effect.gen(function* () {
      const order = yield* place(orders())
      const { id: orderId, createdAt } = order
      const stream = yield* open(orders(), orderId)
      const first = yield* stream.next
      assert.deepStrictEqual(parse(first!), [{ id: 0, event: "status", data: order }])
      yield* orders().decide({
        orderId,
        decision: "abort",
        reason: "Can not reserve the item",
        timeline: reserves,
      })
      const second = parse((yield* stream.next)!)
      yield* orders().decide({ orderId, decision: "settle", timeline: cancels })
      const third = yield* stream.rest
      assert.deepStrictEqual(short([...parse(first!), ...second, ...third]), failed)
      assert.deepStrictEqual(second[0]!.data, reserves[0])
      assert.deepInclude(third.at(-1)!.data, { createdAt })
    }))

  it.live("ends when the order is completed", () =>
    Effect.gen(function* () {
      const { id: orderId } = yield* place(orders())
      const stream = yield* open(orders(), orderId)
      const timeline = [reserves[0]!, entry("item", "reserve", "reserved")]
      yield* orders().decide({ orderId, decision: "complete", timeline })
      assert.deepStrictEqual(short(yield* stream.rest), [
        "0 pending null null false",
        "1 reserve money: reserved",
        "2 reserve item: reserved",
        "3 completed true null true",
      ])
    }))

  it.live("resumes after any event that the client saw last", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* fail(orders(), id)
      for (let seen = -1; seen < failed.length - 1; seen++) {
        const stream = yield* open(orders(), id, { "last-event-id": String(seen) })
        assert.deepStrictEqual(short(yield* stream.rest), failed.slice(seen + 1))
      }
    }))

  it.live("tells a client that saw the last event not to reconnect", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* fail(orders(), id)
      for (const seen of [failed.length - 1, 1000]) {
        const response = yield* Effect.promise(() =>
          orders().request(`/api/orders/${id}/events`, { headers: { "last-event-id": `${seen}` } })
        )
        assert.strictEqual(response.status, 204)
        assert.isNull(response.body)
      }
    }))

  it.live("starts from the beginning when the Last-Event-ID is not one of its ids", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* fail(orders(), id)
      for (const seen of ["", "x", "-5", "1.5", "2x"]) {
        const stream = yield* open(orders(), id, { "last-event-id": seen })
        assert.deepStrictEqual(short(yield* stream.rest), failed)
      }
    }))

  it.live("waits for the next event when the client has seen all events so far", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const stream = yield* open(orders(), id, { "last-event-id": "0" })
      assert.strictEqual(yield* stream.next, ": nothing new\n\n")
      yield* fail(orders(), id)
      assert.deepStrictEqual(short(yield* stream.rest), failed.slice(1))
    }))

  it.live("waits for the next event when the Last-Event-ID is larger than any id", () =>
    Effect.gen(function* () {
      for (const seen of ["3", String(2 ** 53), "9".repeat(400)]) {
        const { id } = yield* place(orders())
        const stream = yield* open(orders(), id, { "last-event-id": seen })
        assert.strictEqual(yield* stream.next, ": nothing new\n\n")
        yield* fail(orders(), id)
        assert.deepStrictEqual(short(yield* stream.rest), failed.slice(1))
      }
    }))

  it.live("serves several watchers, of this replica and of another one", () =>
    Effect.gen(function* () {
      const other = yield* orders().replica()
      const { id } = yield* place(orders())
      const streams = yield* Effect.forEach(
        [orders(), orders(), other, other],
        (running) => open(running, id),
      )
      yield* fail(other, id)
      for (const stream of streams) assert.deepStrictEqual(short(yield* stream.rest), failed)
    }).pipe(Effect.scoped))

  it.live("is 404 for somebody else's order", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders(), { user: someone() })
      assert.strictEqual((yield* orders().call(`/api/orders/${id}/events`)).status, 404)
    }))

  it.effect("sends a comment every five seconds in which nothing happens", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const { id } = yield* place(running)
      const stream = yield* open(running, id)
      assert.include(yield* stream.next, "pending")
      for (let n = 0; n < 3; n++) {
        const next = yield* Effect.forkChild(stream.next)
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* Fiber.join(next), ": nothing new\n\n")
      }
      yield* stream.cancel
    }))

  it.live("releases the stream of a client that is gone, and opens none for HEAD", () =>
    Effect.gen(function* () {
      const running = orders()
      const port = yield* listen(running.app, { host: "127.0.0.1", port: 0 })
      const { id } = yield* place(running)
      const authorization = `Bearer ${yield* Effect.promise(() => tokenOf("ann"))}`
      const url = `http://127.0.0.1:${port}/api/orders/${id}/events`
      const head = yield* Effect.promise(() =>
        fetch(url, { method: "HEAD", headers: { authorization } })
      )
      assert.strictEqual(head.status, 200)
      assert.strictEqual(yield* openStreams(running), 0)
      // One client hangs up, and one is cut off.
      const abort = new AbortController()
      const response = yield* Effect.promise(() =>
        fetch(url, { headers: { authorization }, signal: abort.signal })
      )
      assert.strictEqual(response.status, 200)
      const socket = connect(port, "127.0.0.1")
      socket.write(
        `GET /api/orders/${id}/events HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`,
      )
      yield* until("both streams are open", Effect.map(openStreams(running), (n) => n === 2))
      abort.abort()
      socket.resetAndDestroy()
      yield* until("both streams are released", Effect.map(openStreams(running), (n) => n === 0))
    }).pipe(Effect.scoped))
})
