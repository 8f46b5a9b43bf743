/** One order on the console, assembled from the data of all services. */
import { Effect, Exit, Scope } from "effect"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { isDown, type RunningConsole, soon, startConsole } from "./running-console.ts"

const scope = Scope.makeUnsafe()
let console_: RunningConsole
let completed: string

beforeAll(async () => {
  console_ = await Effect.runPromise(Scope.provide(startConsole, scope))
  completed = await console_.place()
  await soon("the order is final", async () => await console_.statusOf(completed) === "completed")
})
afterEach(() => console_.restore())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

type Records = ReadonlyArray<
  { readonly participant: string; readonly recorded: { readonly outcome: string } | null }
>
const outcomes = (records: Records) =>
  records.map(({ participant, recorded }) => [participant, recorded?.outcome ?? null])

describe("one order", () => {
  it("that is final is shown with the records of all participants", async () => {
    const { status, body } = await console_.ask(`orders/${completed}`)
    assert.strictEqual(status, 200)
    assert.deepInclude(body.order, {
      id: completed,
      username: console_.ann.username,
      status: "completed",
      stuck: null,
    })
    assert.strictEqual(body.order.timeline.length, 3)
    assert.deepStrictEqual(
      outcomes(body.records),
      participantNames.map((name) => [name, "reserved"]),
    )
    assert.deepStrictEqual([body.saga, body.letter, body.unavailable], [null, null, []])
  })

  it("that is pending is shown with the steps that it holds, and what it waits for", async () => {
    console_.disturb("items", isDown)
    const id = await console_.place()
    const look = async () => (await console_.ask(`orders/${id}`)).body
    await soon("the order waits", async () => (await look()).saga?.nextAttemptAt != null)
    const { order, records, saga, unavailable } = await look()
    assert.strictEqual(order.status, "pending")
    assert.deepInclude(saga, { action: "reserve", step: "item", holds: ["money"] })
    assert.strictEqual(saga.timeline[0].step, "money")
    assert.include(saga.cause, "items")
    assert.deepStrictEqual(outcomes(records), [["billing", "reserved"], ["slots", null]])
    assert.deepStrictEqual(unavailable.map(({ service }: { service: string }) => service), [
      "items",
    ])
  })

  it("that has a dead letter is shown with the letter", async () => {
    const refuses = () => Promise.resolve(Response.json({}, { status: 400 }))
    console_.disturb("items", refuses)
    const id = await console_.place()
    const look = async () => (await console_.ask(`orders/${id}`)).body
    await soon("the order is a dead letter", async () => (await look()).letter !== null)
    assert.deepInclude((await look()).letter, { orderId: id, unreadable: null })
  })

  it.each([...participantNames, "orders", "orchestrator"] as const)(
    "is shown without the data of %s while that service is unavailable",
    async (service) => {
      console_.disturb(service, isDown)
      const { status, body } = await console_.ask(`orders/${completed}`)
      assert.strictEqual(status, 200)
      assert.strictEqual(body.unavailable.length, 1)
      assert.strictEqual(body.unavailable[0].service, service)
      assert.include(body.unavailable[0].message, "cannot be reached")
      assert.strictEqual(body.order === null, service === "orders")
      const others = participantNames.filter((name) => name !== service)
      assert.deepStrictEqual(outcomes(body.records), others.map((name) => [name, "reserved"]))
    },
  )

  it("is a 404 when orders does not know it", async () => {
    const none = completed.replace(/.$/, (last) => last === "0" ? "1" : "0")
    for (const path of [`orders/${none}`, `orders/${none}/events`]) {
      const { status, body } = await console_.ask(path)
      assert.deepStrictEqual([status, body.code], [404, "order_not_found"])
    }
    assert.strictEqual((await console_.ask("orders/nonsense")).status, 400)
  })
})
