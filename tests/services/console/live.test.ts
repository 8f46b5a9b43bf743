/** The event streams of the console: the overview, and single orders. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import type { Overview } from "#shared/contracts/console.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import { isDown, type RunningConsole, soon, startConsole } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole
const cleanups: Array<() => unknown> = []

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
})
afterEach(async () => {
  console_.restore()
  for (const cleanup of cleanups.splice(0)) await cleanup()
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Opens a stream. `next` returns the next event, or undefined at the end, and skips comments. */
const watch = async <A>(path: string, by?: string) => {
  const answer = await console_.open(path, by)
  assert.strictEqual(answer.status, 200)
  assert.strictEqual(answer.headers.get("content-type"), "text/event-stream")
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  cleanups.push(() => reader.cancel())
  let text = ""
  const next = async () => {
    while (true) {
      const event = /^event: (\w+)\ndata: (.*)\n\n/m.exec(text)
      if (event !== null) {
        text = text.slice(event.index + event[0].length)
        return { type: event[1], data: JSON.parse(event[2]!) as A }
      }
      const { done, value } = await reader.read()
      if (done) return undefined
      text += value
    }
  }
  return { next, cancel: () => reader.cancel() }
}

interface Refused {
  readonly status: number
  readonly code: string
}

const looks = () => console_.asked("orders", "/internal/order-counts")

/**
 * Lets as much time pass as three looks at the overview take: the console looks at an order as
 * often.
 */
const threeLooks = async () => {
  console_.disturb("items", isDown)
  const id = await console_.place()
  const before = console_.asked("orders", `/internal/order-search/${id}`)
  const { cancel, next } = await watch<OneOrder>(`orders/${id}/events`)
  const read = async () => {
    while (await next() !== undefined);
  }
  const reading = read()
  await soon(
    "the order was looked at",
    () => Promise.resolve(console_.asked("orders", `/internal/order-search/${id}`) >= before + 4),
  )
  await cancel()
  await reading
  console_.restore()
}

describe("the overview", () => {
  it("is polled once for all streams, and not at all without streams", async () => {
    const before = looks()
    const streams = [
      await watch<Overview>("events"),
      await watch<Overview>("events"),
      await watch<Overview>("events"),
    ]
    const firsts = await Promise.all(streams.map(({ next }) => next()))
    for (const first of firsts) assert.strictEqual(first?.type, "overview")
    const [one] = streams
    const seen = [firsts[0]!.data.at]
    while (seen.length < 4) seen.push((await one!.next())!.data.at)
    assert.strictEqual(new Set(seen).size, 4, "each event is another look")
    // Another look may be under way.
    assert.isAtMost(looks() - before, 5)
    for (const { cancel } of streams) await cancel()
    const ended = looks()
    await threeLooks()
    assert.isAtMost(looks() - ended, 1)
    const late = await watch<Overview>("events")
    const again = (await late.next())!.data.at
    assert.isAbove(Date.parse(again), Date.parse(seen.at(-1)!))
  })

  it("continues while a service is unavailable, and says so", async () => {
    const { next } = await watch<Overview>("events")
    await next()
    console_.disturb("orders", isDown)
    let event = await next()
    while (event?.data.orders !== null) event = await next()
    assert.strictEqual(event?.data.unavailable[0]?.service, "orders")
    assert.isNotNull(event?.data.queue)
  })

  it("ends for a user who is no longer an operator", async () => {
    const other = await console_.operator()
    const { next } = await watch<Overview>("events", other.access)
    assert.isDefined(await next())
    await console_.revoke(other.username)
    let event = await next()
    while (event !== undefined) event = await next()
    assert.strictEqual((await console_.open("events", other.access)).status, 401)
  })

  it("has a limited number of streams, and no operator may use all of them", async () => {
    const open = async (by?: string) => {
      const answer = await console_.open("events", by)
      if (answer.status !== 200) return await answer.json() as Refused
      const reader = answer.body!.getReader()
      cleanups.push(() => reader.cancel())
      await reader.read()
      return undefined
    }
    let refused: Refused | undefined
    let opened = 0
    while (refused === undefined && opened < 100) {
      refused = await open()
      if (refused === undefined) opened++
    }
    assert.deepInclude(refused, { status: 429, code: "too_many_streams" })
    assert.isAtLeast(opened, 10)
    const other = await console_.operator()
    assert.isUndefined(await open(other.access))
  })
})

describe("an order", () => {
  it("is sent at each change, until it is final", async () => {
    console_.disturb("items", isDown)
    const id = await console_.place()
    const { next } = await watch<OneOrder>(`orders/${id}/events`)
    let event = await next()
    assert.deepInclude<object | null>(event!.data.order, { id, status: "pending" })
    while (event!.data.saga?.cause == null) event = await next()
    assert.deepInclude(event!.data.saga, { step: "item", holds: ["money"] })
    console_.restore()
    let last = event
    while (event !== undefined) {
      last = event
      event = await next()
    }
    assert.deepInclude<object | null>(last!.data.order, { id, status: "completed", success: true })
    assert.isNull(last!.data.saga)
  })

  it("that is final is sent once", async () => {
    const id = await console_.place()
    await soon("the order is final", async () => await console_.statusOf(id) === "completed")
    const { next } = await watch<OneOrder>(`orders/${id}/events`)
    assert.strictEqual((await next())?.data.order?.status, "completed")
    assert.isUndefined(await next())
  })
})
