/** What the migrations of orders do to a database that has orders already. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { copyFile, readdir } from "node:fs/promises"
import { join } from "node:path"
import {
  newDatabase,
  onlooker,
  openDatabase,
  temporaryFolder,
} from "#tests/shared/postgres/open-database.ts"

const migrations = join(import.meta.dirname, "../../../services/orders/migrations")

describe("the migrations of orders", () => {
  it.live("keep the item and the slot of older orders, and give these orders the three steps of their time", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      const before = yield* temporaryFolder
      yield* Effect.promise(async () => {
        for (const name of (await readdir(migrations)).filter((name) => name < "0004")) {
          await copyFile(join(migrations, name), join(before, name))
        }
      })
      yield* Effect.scoped(openDatabase(url, { migrations: before }))
      const [open, done] = [crypto.randomUUID(), crypto.randomUUID()]
      yield* Effect.promise(() =>
        sql`
          insert into orders (id, username, amount, item, slot, status, created_at, decided_at, publish_at)
          values (${open}, 'ann', 1999, 7, '09:00', 'pending', now(), null, now()),
            (${done}, 'bob', 100, 99, '23:30', 'completed', now(), now(), null)`
      )
      yield* Effect.scoped(openDatabase(url, { migrations }))
      const rows = yield* Effect.promise(() =>
        sql`select id, amount, details, steps, status from orders order by username`
      )
      const steps = ["money", "item", "slot"]
      assert.deepStrictEqual(rows.map((row) => ({ ...row })), [
        { id: open, amount: "1999", details: { item: 7, slot: "09:00" }, steps, status: "pending" },
        {
          id: done,
          amount: "100",
          details: { item: 99, slot: "23:30" },
          steps,
          status: "completed",
        },
      ])
      const [columns] = yield* Effect.promise(() =>
        sql`
          select array_to_json(array_agg(attname::text)) as required from pg_attribute
          where attrelid = 'orders'::regclass and attname in ('details', 'steps', 'item', 'slot')
            and attnotnull and not atthasdef`
      )
      assert.sameMembers(columns!.required, ["details", "steps"])
    }))
})
