import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { sharedOrders, someone, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const post = (body: unknown, headers: Record<string, string>, user = "ann") =>
  orders().call("/api/orders/", { body, headers, user })

describe("Idempotency-Key", () => {
  it.live("gives the same order again, and marks the answer as a replay", () =>
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

  it.live("gives the order in its current state", () =>
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

  it.live("makes one order of fifty simultaneous requests at two replicas", () =>
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

  it.live("publishes the order only once", () =>
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

  it.live("causes no deadlock between two replicas that get many keys in opposite sequence", () =>
    Effect.gen(function* () {
      const one = yield* startOrders()
      const other = yield* one.replica()
      // Slow enough for both to be in the middle of their batches.
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
