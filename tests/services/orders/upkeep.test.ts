/** Idempotency keys are remembered for RETENTION, and at least until their order is final. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer } from "effect"
import { forgetKeys } from "#services/orders/upkeep.ts"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { type Calendar, makeCalendar } from "#tests/support/calendar.ts"
import { type RunningOrders, someone, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

const on = ({ clock }: Calendar) => Effect.provideService(Clock.Clock, clock)

const start = Effect.gen(function* () {
  const calendar = yield* makeCalendar
  const orders = yield* startOrders({ RETENTION: "2 days" }).pipe(on(calendar))
  const user = someone()
  const post = (key: string, body = wanted) =>
    orders.call("/api/orders/", { body, user, headers: { "idempotency-key": key } })
  const placed = (key: string) => Effect.map(post(key), ({ body }) => body.id as string)
  const decide = (id: string, ...decisions: ReadonlyArray<"complete" | "abort" | "settle">) =>
    on(calendar)(
      orders.decide(
        ...decisions.map((decision) => ({
          orderId: OrderId.make(id),
          decision,
          ...(decision === "abort" && { reason: "Not enough money" as const }),
        })),
      ),
    )
  return { calendar, orders, post, placed, decide, forget: keysForgotten(orders, calendar) }
})

/** Runs the upkeep beside the service, and returns the number of keys that it forgot. */
const keysForgotten = ({ environment }: RunningOrders, calendar: Calendar) =>
  Effect.gen(function* () {
    const layer = databaseLayer({
      service: "orders",
      url: new URL(environment.DATABASE_URL!),
      poolSize: 2,
      migrations: new URL("../../../services/orders/migrations", import.meta.url).pathname,
    })
    const database = Context.get(yield* Layer.build(layer), Database)
    return yield* forgetKeys(Duration.days(2)).pipe(
      Effect.provideService(Database, database),
      on(calendar),
    )
  }).pipe(Effect.scoped)

describe("an Idempotency-Key", () => {
  it.live("gives the same order while it is remembered, and then a new one", () =>
    Effect.gen(function* () {
      const { calendar, orders, post, placed, decide, forget } = yield* start
      const first = yield* placed("one")
      yield* decide(first, "complete")
      yield* decide(yield* placed("two"), "abort", "settle")
      calendar.pass("2 days")
      calendar.pass("-1 minute")
      assert.strictEqual(yield* forget, 0)
      const again = yield* post("one")
      assert.deepStrictEqual([again.body.id, again.headers.get("idempotent-replayed")], [
        first,
        "true",
      ])
      assert.strictEqual((yield* post("one", { ...wanted, item: 2 })).status, 422)
      calendar.pass("2 minutes")
      assert.strictEqual(yield* forget, 2)
      const fresh = yield* post("one", { ...wanted, item: 2 })
      assert.deepStrictEqual([fresh.status, fresh.headers.get("idempotent-replayed")], [201, null])
      assert.notStrictEqual(fresh.body.id, first)
      const old = yield* Effect.promise(() => orders.sql`select from orders where id = ${first}`)
      assert.strictEqual(old.length, 1)
    }))

  it.live("is kept until its order is final", () =>
    Effect.gen(function* () {
      const { calendar, placed, decide, forget } = yield* start
      const pending = yield* placed("pending")
      const compensating = yield* placed("compensating")
      yield* decide(compensating, "abort")
      calendar.pass("40 days")
      assert.strictEqual(yield* forget, 0)
      assert.strictEqual(yield* placed("pending"), pending)
      assert.strictEqual(yield* placed("compensating"), compensating)
      yield* decide(compensating, "settle")
      assert.strictEqual(yield* forget, 1)
      assert.strictEqual(yield* placed("pending"), pending)
      assert.notStrictEqual(yield* placed("compensating"), compensating)
    }))

  it.live("is forgotten by the upkeep of a service that starts", () =>
    Effect.gen(function* () {
      const { calendar, orders, placed, decide } = yield* start
      const first = yield* placed("one")
      yield* decide(first, "complete")
      calendar.pass("3 days")
      yield* orders.replica().pipe(on(calendar))
      const keys = Effect.promise(() =>
        orders.sql`select from orders where idempotency_key is not null`
      )
      yield* until("the key is forgotten", Effect.map(keys, ({ length }) => length === 0))
    }))

  it.live("that is forgotten during a retry makes a new order", () =>
    Effect.gen(function* () {
      const { calendar, orders, post, placed, decide, forget } = yield* start
      const first = yield* placed("one")
      yield* decide(first, "complete")
      calendar.pass("3 days")
      // The insert finds the key taken, and the key is forgotten before the look-up.
      yield* Effect.promise(() =>
        orders.sql.unsafe(`
          create function forget() returns trigger language plpgsql as $$
          begin
            update orders set idempotency_key = null where publish_at is null;
            return null;
          end $$;
          create trigger forget after insert on orders for each statement execute function forget()`)
      )
      const { status, body, headers } = yield* post("one")
      assert.deepStrictEqual([status, headers.get("idempotent-replayed")], [201, null])
      assert.notStrictEqual(body.id, first)
      assert.strictEqual(yield* forget, 0)
    }))

  it.live(
    "is forgotten in batches of a thousand, by index, however many rows there are",
    () =>
      Effect.gen(function* () {
        const { calendar, orders: { sql }, forget } = yield* start
        const prefix = (ms: number) => firstIdAt(ms).slice(0, 24)
        const fill = (ms: number, count: number, key: string, status: string) =>
          Effect.promise(() =>
            sql`insert into orders (id, username, amount, details, steps, status, created_at,
              decided_at, publish_at, idempotency_key)
            select (${prefix(ms)} || to_char(n, 'FM000000000000'))::uuid, 'ann', 1,
              '{"item":1,"slot":"09:00"}', '["money","item","slot"]', ${status}, now(), case when ${status} = 'pending' then null else now() end,
              case when ${status} = 'pending' then now() + interval '1 day' end, ${key}::text || n
            from generate_series(1, ${count}) n`
          )
        const now = calendar.nowMs()
        yield* fill(now, 20_000, "young", "completed")
        yield* fill(now - Duration.toMillis("20 days"), 500, "unfinished", "pending")
        yield* fill(now - Duration.toMillis("10 days"), 2_500, "old", "failed")
        const before = yield* readBy(sql)
        assert.strictEqual(yield* forget, 2_500)
        yield* until(
          "the connection has reported its statistics",
          Effect.map(readBy(sql), ({ indexed }) => indexed - before.indexed >= 2_500),
        )
        const after = yield* readBy(sql)
        assert.strictEqual(after.whole - before.whole, 0)
        assert.isBelow(after.indexed - before.indexed, 4 * 2_500)
      }),
  )
})

/** How many rows of the orders table were read so far, by whole scans and by index. */
const readBy = (sql: RunningOrders["sql"]) =>
  Effect.promise(async () => {
    const [row] = await sql`
      select seq_tup_read::int as whole, idx_tup_fetch::int as indexed
      from pg_stat_user_tables where relname = 'orders'`
    return { whole: Number(row?.["whole"]), indexed: Number(row?.["indexed"]) }
  })
