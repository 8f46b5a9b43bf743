/** What accounts, items and slots started with: of rows that were there before it was kept, and of rows made by whomever. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { newDatabase, onlooker } from "../shared/postgres/open-database.ts"

const root = join(import.meta.dirname, "../..")
const migration = (path: string) => readFileSync(join(root, path), "utf8")
const reservations = migration("shared/reservations/migrations/0001_reservations.sql")

const participants = [
  {
    name: "billing",
    first: "0001_accounts",
    table: "accounts",
    columns: "username, email, wallet",
    key: "username",
  },
  { name: "items", first: "0001_items", table: "items", columns: "id, name, stock", key: "id" },
  { name: "slots", first: "0001_slots", table: "slots", columns: "time, capacity", key: "time" },
]

describe("the opening", () => {
  for (const { name, first, table, columns, key } of participants) {
    it.live(`of what ${name} had before is what is left and what is held`, () =>
      Effect.gen(function* () {
        const sql = yield* onlooker(yield* newDatabase)
        const run = (statements: string) => Effect.promise(() => sql.unsafe(statements))
        const rest = name === "slots" ? "" : "'', "
        yield* run(migration(`services/${name}/migrations/${first}.sql`))
        yield* run(reservations)
        yield* run(`insert into ${table} (${columns}) values ('a', ${rest}70), ('b', ${rest}5)`)
        yield* run(`insert into reservations (order_id, outcome, resource, quantity) values
          (gen_random_uuid(), 'reserved', 'a', 20), (gen_random_uuid(), 'reserved', 'a', 10),
          (gen_random_uuid(), 'cancelled', 'a', 40), (gen_random_uuid(), 'rejected', 'b', 9)`)
        yield* run(migration(`services/${name}/migrations/0002_opening.sql`))
        yield* run(`insert into ${table} (${columns}) values ('c', ${rest}8)`)
        yield* run(`insert into ${table} (${columns}, opening) values ('d', ${rest}8, 9)`)
        const rows = yield* run(`select ${key} as key, opening, consumed from ${table} order by 1`)
        assert.deepStrictEqual(
          rows.map((row) => [row["key"], Number(row["opening"]), Number(row["consumed"])]),
          [["a", 100, 0], ["b", 5, 0], ["c", 8, 0], ["d", 9, 0]],
        )
      }))
  }
})
