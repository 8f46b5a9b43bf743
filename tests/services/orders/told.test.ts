/**
 * A register tells the callers that wait in its own process right after the commit. The database
 * sends no notifications and the clock stands still, so they cannot learn of the end otherwise.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer } from "effect"
import { join } from "node:path"
import { admissionLayer } from "#services/orders/admission.ts"
import { Changes } from "#services/orders/changes.ts"
import { Intake, intakeLayer } from "#services/orders/intake.ts"
import { LookUps } from "#services/orders/look-ups.ts"
import { OrderStore } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Publisher } from "#services/orders/publisher.ts"
import { Register } from "#services/orders/register.ts"
import { Waits } from "#services/orders/wait.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { Database } from "#shared/postgres/database.ts"
import { pooledRandomLayer } from "#shared/security/pooled-random.ts"
import { newDatabase, onlooker, openDatabase } from "#tests/shared/postgres/open-database.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { until } from "./until.ts"

const decision = (orderId: OrderId, decision: Decision["decision"]): Decision => ({
  orderId,
  decision,
  timeline: [],
  ...(decision === "abort" && { reason: "Not enough money" }),
})

/**
 * The intake and the register of one process over a database without notifications, and the number
 * of look-ups.
 */
const unnotifiedProcess = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
  const database = yield* openDatabase(url, { migrations })
  const storeContext = yield* Layer.build(
    orderStoreLayer.pipe(Layer.provide(Layer.succeed(Database, database))),
  )
  const real = Context.get(storeContext, OrderStore)
  let lookUps = 0
  const store = OrderStore.of({
    ...real,
    query: (run) =>
      real.query((orders) =>
        run({
          ...orders,
          find: (ids) => {
            lookUps++
            return orders.find(ids)
          },
        })
      ),
  })
  const silent = Publisher.of({ publish: () => Effect.void })
  const context = yield* Layer.build(
    Layer.mergeAll(intakeLayer({ republishAfterMs: 15_000 }), Register.layer).pipe(
      Layer.provide(admissionLayer({ most: 1_000, mostOfUser: 1_000, perSecond: 1_000 })),
      Layer.provide(Waits.layer),
      Layer.provideMerge(LookUps.layer),
      Layer.provideMerge(Changes.layer),
      Layer.provide([
        Layer.succeed(OrderStore, store),
        Layer.succeed(Publisher, silent),
        Layer.succeed(Database, { ...database, listen: () => Effect.void }),
        pooledRandomLayer,
      ]),
    ),
  )
  const other = yield* Register.pipe(
    Effect.provide(Register.layer.pipe(Layer.provide(noChanges))),
    Effect.provideService(OrderStore, real),
  )
  const stored = Effect.promise(async () =>
    (await sql<Array<{ id: OrderId }>>`select id from orders`).map(({ id }) => id)
  )
  const placement = {
    username: "ann",
    amountMinor: 1999,
    details: { item: 1, slot: "09:00" },
    idempotencyKey: undefined,
    permit: { enter: Effect.void, leave: () => {} },
  }
  return {
    sql,
    other,
    register: Context.get(context, Register),
    changes: Context.get(context, Changes),
    lookUps: () => lookUps,
    /** Places an order and waits for its end. */
    placeAndWait: Effect.gen(function* () {
      const before = yield* stored
      const waiting = yield* Effect.forkChild(
        Context.get(context, Intake).place(placement, {
          atMost: Duration.seconds(30),
          closing: Effect.never,
        }),
      )
      const added = Effect.map(stored, (ids) => ids.find((id) => !before.includes(id)))
      yield* until("the order is stored", Effect.map(added, (id) => id !== undefined))
      return { id: (yield* added)!, waiting }
    }),
  }
})

describe("a caller that waits for an order that its own process decides", () => {
  it.effect("is told of the end right after the commit, without another look-up", () =>
    Effect.gen(function* () {
      const { register, placeAndWait, lookUps, sql } = yield* unnotifiedProcess
      const { id, waiting } = yield* placeAndWait
      const timeline: Decision["timeline"] = [
        {
          step: "money",
          action: "reserve",
          outcome: "reserved",
          attempts: 1,
          at: "",
          durationMs: 2,
        },
      ]
      yield* register.decide([{ ...decision(id, "complete"), timeline }])
      const { order } = yield* Fiber.join(waiting)
      const [row] = yield* Effect.promise(() => sql`select decided_at from orders`)
      assert.deepInclude(order, { id, status: "completed", timeline, stuck: null })
      assert.deepStrictEqual(order.decidedAt, row!.decided_at)
      assert.strictEqual(lookUps(), 0)
    }))

  it.effect("is told of each change of an order that fails, and waits for the last", () =>
    Effect.gen(function* () {
      const { register, placeAndWait, lookUps } = yield* unnotifiedProcess
      const { id, waiting } = yield* placeAndWait
      yield* register.decide([decision(id, "abort")])
      assert.isUndefined(waiting.pollUnsafe())
      yield* register.decide([decision(id, "settle")])
      const { order } = yield* Fiber.join(waiting)
      assert.deepInclude(order, { status: "failed", reason: "Not enough money" })
      assert.strictEqual(lookUps(), 0)
    }))

  it.effect("is not told of a change that is not committed", () =>
    Effect.gen(function* () {
      const { register, placeAndWait, sql } = yield* unnotifiedProcess
      const { id, waiting } = yield* placeAndWait
      // All statements succeed. Only COMMIT is refused.
      yield* Effect.promise(() =>
        sql.unsafe(`
          create function refuse() returns trigger language plpgsql as
            $$ begin raise exception 'no more space'; end $$;
          create constraint trigger refused after update on orders
            deferrable initially deferred for each row execute function refuse()`)
      )
      const refused = yield* Effect.exit(register.decide([decision(id, "complete")]))
      assert.match(String(refused), /no more space/)
      assert.isUndefined(waiting.pollUnsafe())
      yield* Effect.promise(() => sql`drop trigger refused on orders`)
      yield* register.decide([decision(id, "abort")])
      yield* register.decide([decision(id, "settle")])
      assert.strictEqual((yield* Fiber.join(waiting)).order.status, "failed")
    }))

  it.effect("is told by a repeated decision, although it changes nothing", () =>
    Effect.gen(function* () {
      const { register, other, placeAndWait } = yield* unnotifiedProcess
      const { id, waiting } = yield* placeAndWait
      // As after a lost answer: the decision is recorded, but this process told nobody.
      yield* other.decide([decision(id, "complete")])
      assert.isUndefined(waiting.pollUnsafe())
      yield* register.decide([decision(id, "complete")])
      assert.strictEqual((yield* Fiber.join(waiting)).order.status, "completed")
    }))

  it.effect("is not watched any more after it hangs up", () =>
    Effect.gen(function* () {
      const { placeAndWait, changes } = yield* unnotifiedProcess
      const { id, waiting } = yield* placeAndWait
      assert.deepStrictEqual(changes.watched([OrderId.make(crypto.randomUUID()), id]), [id])
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(changes.watched([id]), [])
    }))
})
