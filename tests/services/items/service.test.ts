/** Items fills its shelf once, at its first start. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Sql } from "postgres"
import { reserve } from "../../shared/reservations/participant.ts"
import { startParticipant } from "../../shared/reservations/running-participant.ts"

const shelf = (sql: Sql) =>
  Effect.promise(async () =>
    (await sql`select id, name, stock from items order by id::int`)
      .map(({ id, name, stock }) => [id, name, Number(stock)] as const)
  )

const tenItems = (stock: number) =>
  Array.from({ length: 10 }, (_, n) => [`${n + 1}`, `Item${n}`, stock] as const)

describe("items", () => {
  it.live("fills its shelf at the first start: ten items, a hundred of each", () =>
    Effect.gen(function* () {
      const { sql } = yield* startParticipant("items")
      assert.deepStrictEqual(yield* shelf(sql), tenItems(100))
    }))

  it.live("takes the stock from its setting, including 0", () =>
    Effect.gen(function* () {
      const { sql } = yield* startParticipant("items", { environment: { ITEM_STOCK: "0" } })
      assert.deepStrictEqual(yield* shelf(sql), tenItems(0))
    }))

  it.live("fills its shelf once when five replicas start at the same time", () =>
    Effect.gen(function* () {
      const { sql, replica } = yield* startParticipant("items")
      yield* Effect.promise(() => sql.unsafe("drop schema public cascade; create schema public"))
      yield* Effect.all(Array.from({ length: 5 }, () => replica()), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* shelf(sql), tenItems(100))
    }))

  it.live("changes nothing at later starts, whatever was reserved, removed or set", () =>
    Effect.gen(function* () {
      const { sql, replica, call, token } = yield* startParticipant("items")
      const body = { commands: [reserve(1, "2", 30)] }
      yield* call("/internal/reservations", { token: yield* token("orchestrator"), body })
      yield* Effect.promise(() => sql`delete from items where id = '7'`)
      yield* Effect.promise(() => sql`update items set name = 'Teapot' where id = '1'`)
      const before = yield* shelf(sql)
      assert.deepStrictEqual([before.length, before[0], before[1]], [9, ["1", "Teapot", 100], [
        "2",
        "Item1",
        70,
      ]])
      yield* replica({ ITEM_STOCK: "5" })
      assert.deepStrictEqual(yield* shelf(sql), before)
    }))
})
