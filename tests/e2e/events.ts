/**
 * An order's events from end to end: the whole history, once, however often a client reconnects.
 */
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { OrderView, TimelineEntry } from "#shared/contracts/order-state.ts"
import { type Customer, decoded, lookUp, newCustomer, place, post, send } from "./client.ts"

const noSuchSlot = { amount: 5, item: 9, slot: "19:00" }

interface Event {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** All events until the server ends the stream. */
const eventsOf = async ({ access }: Customer, orderId: string, lastEventId?: string) => {
  const answer = await send(`/api/orders/${orderId}/events`, {
    token: access,
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
  })
  assert.strictEqual(answer.status, 200)
  assert.strictEqual(answer.headers.get("content-type"), "text/event-stream")
  return answer.text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"))
    .map((block): Event => {
      const [, id = "", event = "", data = ""] =
        /^id: (\d+)\nevent: (\w+)\ndata: (.+)$/.exec(block) ?? assert.fail(block)
      return { id, event, data }
    })
}

/** The events in the shortest form: the status, or the outcome of a step. */
const storyOf = (events: ReadonlyArray<Event>) =>
  events.map(({ event, data }) => {
    if (event === "status") return Schema.decodeSync(Schema.fromJsonString(OrderView))(data).status
    const entry = Schema.decodeSync(Schema.fromJsonString(TimelineEntry))(data)
    return `${entry.action} ${entry.step}: ${entry.outcome}`
  })

const wholeStory = [
  "pending",
  "reserve money: reserved",
  "reserve item: reserved",
  "reserve slot: rejected",
  "compensating",
  "cancel item: cancelled",
  "cancel money: cancelled",
  "failed",
]

describe("GET /api/orders/{id}/events", () => {
  it("reports each event when it happens, and ends when the order is final", async () => {
    const customer = await newCustomer()
    const { id } = decoded(await post(customer, noSuchSlot), 201, OrderView)
    const events = await eventsOf(customer, id)
    assert.deepStrictEqual(storyOf(events), wholeStory)
    assert.deepStrictEqual(events.map(({ id }) => Number(id)), events.map((_, n) => n))
    const { timeline, stuck: _, ...order } = await lookUp(customer, id)
    const data = (type: string) =>
      events.filter(({ event }) => event === type).map(({ data }) => JSON.parse(data) as unknown)
    assert.deepStrictEqual(data("step"), [...timeline])
    assert.deepStrictEqual(data("status").at(-1), order)
  })

  it("reports the same events for an order that has long been final", async () => {
    const customer = await newCustomer()
    const { id } = await place(customer, noSuchSlot)
    assert.deepStrictEqual(storyOf(await eventsOf(customer, id)), wholeStory)
  })

  it("continues after the last event that the client has seen", async () => {
    const customer = await newCustomer()
    const { id } = await place(customer, noSuchSlot)
    const all = await eventsOf(customer, id)
    for (const seen of all.slice(0, -1).keys()) {
      assert.deepStrictEqual(await eventsOf(customer, id, String(seen)), all.slice(seen + 1))
    }
  })

  it("answers 204 to a client that has seen all, so that browsers stop", async () => {
    const customer = await newCustomer()
    const { id } = await place(customer, noSuchSlot)
    const seen = (await eventsOf(customer, id)).at(-1)?.id ?? ""
    const answer = await send(`/api/orders/${id}/events`, {
      token: customer.access,
      headers: { "last-event-id": seen },
    })
    assert.deepStrictEqual([answer.status, answer.text], [204, ""])
  })

  it("starts from the beginning if it cannot tell what the client has seen", async () => {
    const customer = await newCustomer()
    const { id } = await place(customer, noSuchSlot)
    for (const garbage of ["-1", "x", "\u00e9"]) {
      assert.deepStrictEqual(storyOf(await eventsOf(customer, id, garbage)), wholeStory)
    }
  })
})
