import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { place, sharedOrders, someone, wanted } from "./running-orders.ts"

const orders = sharedOrders()

describe("GET /api/orders/", () => {
  /** Sorted by id, which is the sequence of their arrival. */
  const placeSeveral = (user: string, count: number) =>
    Effect.map(
      Effect.forEach(
        Array.from({ length: count }, (_, n) => ({ ...wanted, amount: n + 1 })),
        (body) => place(orders(), { user, body }),
        { concurrency: "unbounded" },
      ),
      (placed) => placed.toSorted((a, b) => a.id < b.id ? -1 : 1),
    )
  const previous = (headers: Headers) => /^<(.+)>; rel="prev"$/.exec(headers.get("link") ?? "")?.[1]

  it.live("lists nothing for a user without orders", () =>
    Effect.gen(function* () {
      const { status, headers, body } = yield* orders().call("/api/orders", { user: someone() })
      assert.strictEqual(status, 200)
      assert.isNull(headers.get("link"))
      assert.deepStrictEqual(body, [])
    }))

  it.live("lists the user's newest hundred orders, oldest first", () =>
    Effect.gen(function* () {
      const [user, other] = [someone(), someone()]
      const [placed] = yield* Effect.all([placeSeveral(user, 103), placeSeveral(other, 5)], {
        concurrency: "unbounded",
      })
      const { headers, body } = yield* orders().call("/api/orders/", { user })
      assert.deepStrictEqual(body, placed.slice(3))
      assert.isDefined(previous(headers))
    }))

  it.live("pages through all orders, each once, while new orders come in", () =>
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

  it.live("has no link on the page with the first order", () =>
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

  it.live("shows only the user's orders, even with a cursor made of another user's id", () =>
    Effect.gen(function* () {
      const user = someone()
      const [, second] = yield* placeSeveral(user, 2)
      const answer = yield* orders().call(`/api/orders/?before=${second!.id}`, { user: someone() })
      assert.deepStrictEqual(answer.body, [])
    }))

  it.live("refuses unknown parameters", () =>
    Effect.gen(function* () {
      const { status } = yield* orders().call("/api/orders/?username=bob")
      assert.strictEqual(status, 400)
    }))
})
