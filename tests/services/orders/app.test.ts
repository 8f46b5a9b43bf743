import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { place, sharedOrders, someone, startOrders, tokenOf, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const post = (body: unknown, headers: Record<string, string> = {}, user = "ann") =>
  orders().call("/api/orders/", { body, headers, user })

describe("POST /api/orders/", () => {
  it.live("answers with the order as it is stored, in either form of the body", () =>
    Effect.gen(function* () {
      for (
        const order of [
          { amount: 100, item: 1, slot: "09:00" },
          { amount: 100, details: { item: 1, slot: "09:00" } },
        ]
      ) {
        const { status, headers, body } = yield* post(order)
        assert.strictEqual(status, 201)
        assert.strictEqual(headers.get("content-type"), "application/json")
        assert.strictEqual(headers.get("location"), `/api/orders/${body.id}`)
        assert.deepStrictEqual(body, {
          id: body.id,
          username: "ann",
          amount: 100,
          item: 1,
          slot: "09:00",
          details: { item: 1, slot: "09:00" },
          status: "pending",
          success: null,
          reason: null,
          createdAt: body.createdAt,
          decidedAt: null,
        })
        assert.approximately(Date.parse(body.createdAt), Date.now(), 5000)
        const found = yield* orders().call(`/api/orders/${body.id}`)
        assert.deepStrictEqual(found.body, { ...body, timeline: [], stuck: null })
      }
    }))

  it.live("gives ids that are UUIDs of version 7 and ascend, also of orders that come together", () =>
    Effect.gen(function* () {
      const user = someone()
      const first = yield* place(orders(), { user })
      const together = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => place(orders(), { user }),
        { concurrency: "unbounded" },
      )
      const last = yield* place(orders(), { user })
      const ids = [first, ...together, last].map(({ id }) => id)
      for (const id of ids) {
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      }
      assert.deepStrictEqual(ids, ids.toSorted())
      assert.strictEqual(
        Number.parseInt(first.id.replace("-", "").slice(0, 12), 16),
        Date.parse(first.createdAt),
      )
    }))

  it.live.each([
    0.01,
    0.1 + 0.2,
    0.29,
    1.1,
    19.99,
    1.005 * 100,
    4.35,
    123456.78,
    999999999.99,
    1e9,
  ])(
    "keeps an amount of %d exactly, to the minor unit",
    (amount) =>
      Effect.gen(function* () {
        // Sums of decimals that are no decimals are refused, not rounded.
        const { status, body } = yield* post({ ...wanted, amount })
        if (Number(amount.toFixed(2)) !== amount) return assert.strictEqual(status, 400)
        assert.strictEqual(body.amount, amount)
        const [row] = yield* Effect.promise(() =>
          orders().sql<[{ amount: string }]>`select amount from orders where id = ${body.id}`
        )
        assert.strictEqual(row.amount, amount.toFixed(2).replace(/^0\.0?|\./, ""))
      }),
  )

  it.live.each(
    [
      ["no amount", { item: 1, slot: "09:00" }],
      ["an amount of nothing", { ...wanted, amount: 0 }],
      ["a negative amount", { ...wanted, amount: -1 }],
      ["a part of a minor unit", { ...wanted, amount: 0.001 }],
      ["more than a billion", { ...wanted, amount: 1_000_000_000.01 }],
      ["an amount in words", { ...wanted, amount: "10" }],
      ["half an item", { ...wanted, item: 1.5 }],
      ["an item that is no number", { ...wanted, item: null }],
      ["a slot that is no time", { ...wanted, slot: "25:00" }],
      ["somebody else's name", { ...wanted, username: "bob" }],
      ["both forms in one", { ...wanted, details: { item: 1, slot: "09:00" } }],
      ["a list", [wanted]],
    ] as const,
  )("refuses %s", ([, body]) =>
    Effect.gen(function* () {
      const answer = yield* post(body)
      assert.strictEqual(answer.status, 400)
      assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(answer.body.code, "invalid_request")
    }))

  it.live("is for users only", () =>
    Effect.gen(function* () {
      const nobody = yield* orders().call("/api/orders/", { user: null, body: wanted })
      assert.strictEqual(nobody.status, 401)
    }))

  it.live("puts an order on the queue right after it is stored", () =>
    Effect.gen(function* () {
      const { id, createdAt } = yield* place(orders(), { user: "queuer" })
      const messages = Effect.map(
        orders().published,
        (all) => all.filter(({ orderId }) => orderId === id),
      )
      yield* until("the order is on the queue", Effect.map(messages, ({ length }) => length > 0))
      assert.deepStrictEqual(yield* messages, [{
        orderId: id,
        username: "queuer",
        amountMinor: 1999,
        item: 1,
        slot: "09:00",
        createdAtMs: Date.parse(createdAt),
        republished: 0,
      }])
    }))
})

describe("Idempotency-Key", () => {
  it.live("gives the same order again, and says so", () =>
    Effect.gen(function* () {
      const user = someone()
      const key = { "idempotency-key": "one" }
      const first = yield* post(wanted, key, user)
      assert.isNull(first.headers.get("idempotent-replayed"))
      const { amount, ...details } = wanted
      for (const form of [wanted, { amount, details }]) {
        const again = yield* post(form, key, user)
        assert.strictEqual(again.status, 201)
        assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
        assert.strictEqual(again.headers.get("location"), `/api/orders/${first.body.id}`)
        assert.deepStrictEqual(again.body, first.body)
      }
      const { body } = yield* orders().call("/api/orders/", { user })
      assert.deepStrictEqual(body, [first.body])
    }))

  it.live("gives the order as it is by now", () =>
    Effect.gen(function* () {
      const user = someone()
      const { body: { id } } = yield* post(wanted, { "idempotency-key": "one" }, user)
      yield* orders().decide({ orderId: id, decision: "complete" })
      const { body } = yield* post(wanted, { "idempotency-key": "one" }, user)
      assert.deepInclude(body, { id, status: "completed", success: true })
    }))

  it.live.each([{ ...wanted, amount: 20 }, { ...wanted, item: 2 }, { ...wanted, slot: "10:00" }])(
    "refuses another order with the same key",
    (other) =>
      Effect.gen(function* () {
        const user = someone()
        yield* post(wanted, { "idempotency-key": "one" }, user)
        const { status, body } = yield* post(other, { "idempotency-key": "one" }, user)
        assert.strictEqual(status, 422)
        assert.strictEqual(body.code, "idempotency_key_reused")
      }),
  )

  it.live("belongs to one user", () =>
    Effect.gen(function* () {
      const key = { "idempotency-key": crypto.randomUUID() }
      const [anns, bobs] = yield* Effect.all([post(wanted, key, "ann"), post(wanted, key, "bob")])
      assert.notStrictEqual(anns.body.id, bobs.body.id)
      assert.deepStrictEqual([anns.body.username, bobs.body.username], ["ann", "bob"])
    }))

  it.live.each([
    ["is empty", ""],
    ["is too long", "k".repeat(256)],
    ["holds a letter that is not ASCII", "cl\u00e9"],
    ["holds a tab", "a\tb"],
  ])("is refused when it %s", ([, key]) =>
    Effect.gen(function* () {
      const { status, body } = yield* post(wanted, { "idempotency-key": key! })
      assert.strictEqual(status, 400)
      assert.strictEqual(body.errors[0].path, "Idempotency-Key")
    }))

  it.live.each(["k".repeat(255), `a "quoted" one, with; signs % ' \\ {} $1 --`])(
    "may be %s",
    (key) =>
      Effect.gen(function* () {
        const user = someone()
        const first = yield* post(wanted, { "idempotency-key": key }, user)
        const again = yield* post(wanted, { "idempotency-key": key }, user)
        assert.strictEqual(first.status, 201)
        assert.strictEqual(again.body.id, first.body.id)
      }),
  )

  it.live("makes one order of fifty that two replicas get at the same time", () =>
    Effect.gen(function* () {
      const other = yield* orders().replica()
      const user = someone()
      const answers = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, n) => n % 2 === 0 ? orders() : other),
        ({ call }) =>
          call("/api/orders/", { body: wanted, user, headers: { "idempotency-key": "one" } }),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
      assert.strictEqual(new Set(answers.map(({ body }) => body.id)).size, 1)
      const replayed = answers.filter(({ headers }) => headers.has("idempotent-replayed"))
      assert.strictEqual(replayed.length, 49)
      const { body } = yield* other.call("/api/orders/", { user })
      assert.strictEqual(body.length, 1)
    }).pipe(Effect.scoped))

  it.live("is published with the first order only", () =>
    Effect.gen(function* () {
      const user = someone()
      for (let n = 0; n < 3; n++) yield* post(wanted, { "idempotency-key": "one" }, user)
      yield* post(wanted, { "idempotency-key": "two" }, user)
      const theirs = Effect.map(
        orders().published,
        (all) => all.filter(({ username }) => username === user),
      )
      yield* until("the second order is published", Effect.map(theirs, ({ length }) => length > 1))
      const { body } = yield* orders().call("/api/orders/", { user })
      assert.deepStrictEqual(
        (yield* theirs).map(({ orderId }) => orderId),
        body.map(({ id }: { readonly id: string }) => id),
      )
    }))

  it.live("does not make two replicas wait for each other that get many keys in opposite orders", () =>
    Effect.gen(function* () {
      const one = yield* startOrders()
      const other = yield* one.replica()
      // Slow enough for both to be in the middle of theirs.
      yield* Effect.promise(() =>
        one.sql.unsafe(`
          create function dawdle() returns trigger language plpgsql as
            'begin perform pg_sleep(0.005); return new; end';
          create trigger slow before insert on orders for each row execute function dawdle()`)
      )
      const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`)
      const all = [
        ...keys.map((key) => [one, key] as const),
        ...keys.toReversed().map((key) => [other, key] as const),
      ]
      const answers = yield* Effect.forEach(
        all,
        ([{ call }, key]) =>
          call("/api/orders/", { body: wanted, headers: { "idempotency-key": key } }),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
      assert.strictEqual(new Set(answers.map(({ body }) => body.id)).size, 40)
    }).pipe(Effect.scoped))
})

describe("GET /api/orders/", () => {
  const placeSeveral = (user: string, count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, n) => ({ ...wanted, amount: n + 1 })),
      (body) => place(orders(), { user, body }),
      { concurrency: "unbounded" },
    )
  const previous = (headers: Headers) => /^<(.+)>; rel="prev"$/.exec(headers.get("link") ?? "")?.[1]

  it.live("lists nothing of somebody who ordered nothing", () =>
    Effect.gen(function* () {
      const { status, headers, body } = yield* orders().call("/api/orders", { user: someone() })
      assert.strictEqual(status, 200)
      assert.isNull(headers.get("link"))
      assert.deepStrictEqual(body, [])
    }))

  it.live("lists the newest hundred, oldest first, and nobody else's", () =>
    Effect.gen(function* () {
      const [user, other] = [someone(), someone()]
      const [placed] = yield* Effect.all([placeSeveral(user, 103), placeSeveral(other, 5)], {
        concurrency: "unbounded",
      })
      const { headers, body } = yield* orders().call("/api/orders/", { user })
      assert.deepStrictEqual(body, placed.slice(3))
      assert.isDefined(previous(headers))
    }))

  it.live("leads page by page through all orders once, while new ones come in", () =>
    Effect.gen(function* () {
      const user = someone()
      const placed = yield* placeSeveral(user, 23)
      const pages: Array<ReadonlyArray<{ readonly id: string }>> = []
      let path: string | undefined = "/api/orders/?limit=5"
      while (path !== undefined) {
        const { headers, body }: { headers: Headers; body: ReadonlyArray<{ id: string }> } =
          yield* orders().call(path, { user })
        pages.push(body)
        path = previous(headers)
        yield* place(orders(), { user })
      }
      assert.deepStrictEqual(pages.map(({ length }) => length), [5, 5, 5, 5, 3])
      assert.deepStrictEqual(pages.toReversed().flat(), placed)
    }))

  it.live("does not lead further from a page that ends with the first order", () =>
    Effect.gen(function* () {
      const user = someone()
      yield* placeSeveral(user, 3)
      const { headers, body } = yield* orders().call("/api/orders/?limit=3", { user })
      assert.strictEqual(body.length, 3)
      assert.isNull(headers.get("link"))
    }))

  it.live.each([
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=1.5",
    "limit=ten",
    "limit=",
    "limit=NaN",
  ])(
    "refuses %s",
    (query) =>
      Effect.gen(function* () {
        const { status, body } = yield* orders().call(`/api/orders/?${query}`)
        assert.strictEqual(status, 400)
        assert.strictEqual(body.errors[0].path, "limit")
      }),
  )

  it.live.each(["before=1", "before=", "before='%20or%20true", `before=${"0".repeat(36)}`])(
    "refuses a forged cursor: %s",
    (query) =>
      Effect.gen(function* () {
        const { status, body } = yield* orders().call(`/api/orders/?${query}`)
        assert.strictEqual(status, 400)
        assert.strictEqual(body.errors[0].path, "before")
      }),
  )

  it.live("shows nobody else's orders to whoever makes a cursor of their ids", () =>
    Effect.gen(function* () {
      const user = someone()
      const [, second] = yield* placeSeveral(user, 2)
      const answer = yield* orders().call(`/api/orders/?before=${second!.id}`, { user: someone() })
      assert.deepStrictEqual(answer.body, [])
    }))

  it.live("refuses what it does not know", () =>
    Effect.gen(function* () {
      const { status } = yield* orders().call("/api/orders/?username=bob")
      assert.strictEqual(status, 400)
    }))
})

describe("GET /api/orders/{id}", () => {
  it.live("is 404 for an order that there is not, and for somebody else's, alike", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders(), { user: someone() })
      const answers = yield* Effect.forEach(
        [id, crypto.randomUUID()],
        (id) => orders().call(`/api/orders/${id}`, { headers: { "x-request-id": "test" } }),
      )
      assert.deepStrictEqual(answers.map(({ status }) => status), [404, 404])
      assert.deepStrictEqual(answers[0]!.body, answers[1]!.body)
      assert.strictEqual(answers[0]!.body.code, "order_not_found")
    }))

  it.live.each([
    "1",
    "not-an-id",
    `${crypto.randomUUID()}x`,
    "%00",
    crypto.randomUUID().toUpperCase(),
  ])(
    "refuses %s as an id",
    (id) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* orders().call(`/api/orders/${id}`)).status, 400)
      }),
  )

  it.live("shows the timeline, and what a compensation waits for", () =>
    Effect.gen(function* () {
      const { id: orderId } = yield* place(orders())
      const entry = { attempts: 1, at: "2026-01-02T03:04:05.678Z", durationMs: 12 }
      const reserved = { step: "money", action: "reserve", outcome: "reserved", ...entry } as const
      const rejected = { step: "item", action: "reserve", outcome: "rejected", ...entry } as const
      const cancelled = { step: "money", action: "cancel", outcome: "cancelled", ...entry } as const
      const stuck = {
        step: "money",
        cause: "billing can not be reached",
        attempts: 7,
        nextAttemptAt: "2026-01-02T03:04:35.678Z",
      } as const
      yield* orders().decide(
        {
          orderId,
          decision: "abort",
          reason: "Can not reserve the item",
          timeline: [reserved, rejected],
        },
        { orderId, decision: "abort", stuck },
      )
      const compensating = yield* orders().call(`/api/orders/${orderId}`)
      assert.deepInclude(compensating.body, {
        status: "compensating",
        success: null,
        reason: "Can not reserve the item",
        decidedAt: null,
        timeline: [reserved, rejected],
        stuck,
      })
      yield* orders().decide({ orderId, decision: "settle", timeline: [cancelled] })
      const failed = yield* orders().call(`/api/orders/${orderId}`)
      assert.deepInclude(failed.body, {
        status: "failed",
        success: false,
        reason: "Can not reserve the item",
        timeline: [reserved, rejected, cancelled],
        stuck: null,
      })
      assert.approximately(Date.parse(failed.body.decidedAt), Date.now(), 5000)
    }))
})

describe("POST /internal/decisions", () => {
  it.live("is for the orchestrator only", () =>
    Effect.gen(function* () {
      const body = { decisions: [{ orderId: crypto.randomUUID(), decision: "ask", timeline: [] }] }
      const token = yield* Effect.promise(() => tokenOf("ann"))
      for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
        const { status } = yield* orders().call("/internal/decisions", {
          user: null,
          body,
          headers,
        })
        assert.strictEqual(status, 401)
      }
    }))
})

describe("operations", () => {
  it.live("tells whether it is ready, and what of", () =>
    Effect.gen(function* () {
      const { status, body } = yield* orders().call("/readyz", { user: null })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, {
        status: "ready",
        service: "orders",
        checks: { database: "ok" },
      })
    }))

  it.live("measures orders: accepted, decided, published again, unfinished", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* orders().decide({ orderId: id, decision: "complete" })
      const text = yield* Effect.promise(async () =>
        (await orders().app.request("/metrics")).text()
      )
      for (
        const line of [
          /^orders_decided_total\{status="completed"\} [1-9]\d*$/m,
          /^orders_republished_total \d+$/m,
          /^orders_unfinished \d+$/m,
          /^http_request_duration_seconds_count\{[^}]*route="POST \/api\/orders\/"[^}]*\} [1-9]\d*$/m,
        ]
      ) assert.match(text, line)
    }))
})
