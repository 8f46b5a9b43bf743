/**
 * The migrations that the participants share. Their texts equal those that older databases have
 * applied, and they record with what each account, item and slot started.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { openingMigration, tableMigration } from "#shared/reservations/resource-migrations.ts"
import { newDatabase, onlooker } from "../shared/postgres/open-database.ts"
import { startParticipant } from "../shared/reservations/running-participant.ts"

const root = join(import.meta.dirname, "../..")
const file = (path: string) => readFileSync(join(root, path), "utf8")
const reservations = file("shared/reservations/migrations/0001_reservations.sql")

const slots = { table: "slots", key: "time", balance: "capacity", one: "slot" }

const participants = [
  {
    name: "billing",
    first: file("services/billing/migrations/0001_accounts.sql"),
    resources: { table: "accounts", key: "username", balance: "wallet", one: "account" },
    columns: "username, email, wallet",
  },
  {
    name: "items",
    first: file("services/items/migrations/0001_items.sql"),
    resources: { table: "items", key: "id", balance: "stock", one: "item" },
    columns: "id, name, stock",
  },
  { name: "slots", first: tableMigration(slots).text, resources: slots, columns: "time, capacity" },
]

describe("the opening balance", () => {
  for (const { name, first, resources, columns } of participants) {
    it.live(`of a row that ${name} had before is what is left plus what is held`, () =>
      Effect.gen(function* () {
        const { table, key } = resources
        const sql = yield* onlooker(yield* newDatabase)
        const run = (statements: string) => Effect.promise(() => sql.unsafe(statements))
        const rest = name === "slots" ? "" : "'', "
        yield* run(first)
        yield* run(reservations)
        yield* run(`insert into ${table} (${columns}) values ('a', ${rest}70), ('b', ${rest}5)`)
        yield* run(`insert into reservations (order_id, outcome, resource, quantity) values
          (gen_random_uuid(), 'reserved', 'a', 20), (gen_random_uuid(), 'reserved', 'a', 10),
          (gen_random_uuid(), 'cancelled', 'a', 40), (gen_random_uuid(), 'rejected', 'b', 9)`)
        yield* run(openingMigration(resources).text)
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

/** The checksums in databases of the time when each participant had its migrations in files. */
const recorded = {
  billing: {
    "0001_accounts.sql": "1651e62f0cbdefda857d5d60e6274bf22433ed34e46b7cf0dfe9eec5992d674c",
    "0002_opening.sql": "fb056262cedd8c611be62213ba4a34455ba16f4ce62c81c6ab3b440f4a4b1a1f",
  },
  items: {
    "0001_items.sql": "c47e06827d72fb7e1c884ac65a5455e297f87764dad739132d04871e46d47b00",
    "0002_opening.sql": "1895646932ea81cbf8dee8297f6c6fc8ed769bd30b213f700328699fe8603912",
  },
  slots: {
    "0001_slots.sql": "6ee8862974c0c2983f1643646888eeed679e1a0260241c2643c63d9a7cf23439",
    "0002_opening.sql": "c9f1bcec84b44c6932eebf62a976b8de69e5fa23a6aa7e4ec1e1a35a4d889840",
  },
}

describe("the shared migrations", () => {
  for (const name of ["billing", "items", "slots"] as const) {
    it.live(`of ${name} have the checksums that older databases have on record`, () =>
      Effect.gen(function* () {
        const { sql } = yield* startParticipant(name)
        const rows = yield* Effect.promise(() =>
          sql<Array<{ name: string; checksum: string }>>`select name, checksum from migrations`
        )
        assert.include(
          Object.fromEntries(rows.map(({ name, checksum }) => [name, checksum])),
          recorded[name],
        )
      }))
  }
})
