/** How the audit reads records: its requests, its retries, and the answers that it refuses. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Records, recordsLayer, type Unreached } from "#services/orchestrator/audit/records.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { Fetch } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { urls } from "./auditing.ts"

const [a, b] = [1, 2].map((n) => OrderId.make(`00000000-0000-7000-8000-00000000000${n}`))

/** Records whose requests get one answer after another, and then the last one for ever. */
const scripted = (...answers: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const signer = Layer.succeed(ServiceSigner, {
      tokenFor: (name) => Effect.succeed(`of-${name}`),
    })
    const context = yield* Layer.build(Layer.provide(recordsLayer(urls), signer))
    const fetch = (url: string, { headers, method }: RequestInit) => {
      const { authorization } = headers as Record<string, string>
      asked.push(`${method} ${url} ${authorization}`)
      const answer = answers[Math.min(asked.length, answers.length) - 1]
      return Promise.resolve(
        typeof answer === "number" ? new Response(null, { status: answer }) : Response.json(answer),
      )
    }
    return { asked, fetch, records: Context.get(context, Records) }
  })

describe("the records that the audit reads", () => {
  it.live("are requested by range, with a token for each service", () =>
    Effect.gen(function* () {
      const { asked, fetch, records } = yield* scripted({ orders: [], reservations: [] })
      yield* Effect.all([
        records.orders({ before: b!, after: a!, limit: 7 }),
        records.reservations("items", { limit: 1000 }),
      ]).pipe(Effect.provideService(Fetch, fetch))
      assert.deepStrictEqual(asked, [
        `GET http://orders.test/internal/orders?before=${b}&after=${a}&limit=7 Bearer of-orders`,
        "GET http://items.test/internal/reservations?limit=1000 Bearer of-items",
      ])
    }))

  it.effect("are requested again until an answer is valid", () =>
    Effect.gen(function* () {
      const balance = { resources: 3, imbalanced: [] }
      const { asked, fetch, records } = yield* scripted(503, 500, { resources: "3" }, 429, balance)
      const reading = yield* Effect.forkChild(
        Effect.provideService(records.balance("slots"), Fetch, fetch),
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(reading), balance)
      assert.strictEqual(asked.length, 5)
    }))

  for (
    const [what, answer, message] of [
      ["another kind of page", { reservations: [] }, "orders answered without orders"],
      [
        "an order without all fields",
        { orders: [{ orderId: a, status: "pending" }] },
        "orders answered without orders.0.username",
      ],
      ["nothing", null, "orders answered null: expected object"],
    ] as const
  ) {
    it.effect(`are unreached when the answer is ${what}`, () =>
      Effect.gen(function* () {
        const { fetch, records } = yield* scripted(answer)
        const reading = yield* Effect.forkChild(
          Effect.flip(Effect.provideService(records.orders({}), Fetch, fetch)),
        )
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(yield* Fiber.join(reading), {
          service: "orders",
          message,
          isMisconfigured: true,
        })
      }))
  }

  const record = (orderId: OrderId, change: object = {}) => ({
    orderId,
    outcome: "reserved",
    resource: "1",
    quantity: 1,
    recordedAt: "2026-01-01T00:00:00.000Z",
    ...change,
  })
  const command = { orderId: a!, action: "cancel", resource: "1", quantity: 1 } as const
  const wrong: ReadonlyArray<
    readonly [string, unknown, (records: Records["Service"]) => Effect.Effect<unknown, Unreached>]
  > = [
    [
      "items answered a page that is not sorted, newest order first (docs/protocol.md#audit)",
      { reservations: [record(a!), record(b!)] },
      ({ reservations }) => reservations("items", {}),
    ],
    [
      "items answered a page that has an order twice (docs/protocol.md#audit)",
      { reservations: [record(a!), record(a!)] },
      ({ reservations }) => reservations("items", {}),
    ],
    [
      "items answered a page of 2, where at most 1 were asked for (docs/protocol.md#audit)",
      { reservations: [record(b!), record(a!)] },
      ({ reservations }) => reservations("items", { limit: 1 }),
    ],
    [
      "items answered a page with an order out of its range (docs/protocol.md#audit)",
      { reservations: [record(b!)] },
      ({ reservations }) => reservations("items", { before: b! }),
    ],
    [
      "items answered a page with an order out of its range (docs/protocol.md#audit)",
      { reservations: [record(a!)] },
      ({ reservations }) => reservations("items", { after: a! }),
    ],
    [
      'items answered reservations.0.recordedAt as "yesterday": expected a time such as ' +
      '"2026-01-31T09:00:00.000Z" (docs/protocol.md#audit)',
      { reservations: [record(a!, { recordedAt: "yesterday" })] },
      ({ reservations }) => reservations("items", {}),
    ],
    [
      'items answered resources as "3": expected number (docs/protocol.md#audit)',
      { resources: "3", imbalanced: [] },
      ({ balance }) => balance("items"),
    ],
    [
      "items answered without spared (docs/protocol.md#retention)",
      { before: a },
      ({ forgotten }) => forgotten("items"),
    ],
    [
      'items answered a cancel with "reserved": the only answer to it is "cancelled" ' +
      "(docs/protocol.md#the-answer)",
      { outcomes: [{ orderId: a, outcome: "reserved" }] },
      ({ apply }) => apply("items", [command]),
    ],
    [
      "items answered 0 outcomes to 1 command (docs/protocol.md#the-answer)",
      { outcomes: [] },
      ({ apply }) => apply("items", [command]),
    ],
  ]
  it.effect.each(wrong)(
    "are refused with: %s",
    ([message, answer, read]) =>
      Effect.gen(function* () {
        const { fetch, records } = yield* scripted(answer)
        const reading = yield* Effect.forkChild(
          Effect.flip(Effect.provideService(read(records), Fetch, fetch)),
        )
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(reading)).message, message)
      }),
  )
})
