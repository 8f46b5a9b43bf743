/**
 * The check of a bench's books, on a real PostgreSQL: it passes right books, and finds each kind of
 * fault.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"
import type { Resources } from "#shared/reservations/reservations-sql.ts"
import { openingMigration, tableMigration } from "#shared/reservations/resource-migrations.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import postgres from "postgres"
import type { Databases } from "../stand/databases.ts"
import { root } from "../stand/program.ts"
import { faultsInBooks, participants } from "./books.ts"
import { insertPending, openBooks } from "./opening.ts"
import { endOf, wantedOrders } from "./workload.ts"

const orders = 20
const ends = {
  completed: { status: "completed", reason: null },
  "no item": { status: "failed", reason: "Can not reserve the item" },
  "no slot": { status: "failed", reason: "Can not get the delivery slot" },
}

let databases: Databases
const scope = Scope.makeUnsafe()

const filesIn = (folder: string): ReadonlyArray<string> => {
  const migrations = join(root, folder, "migrations")
  return readdirSync(migrations).sort().map((file) => readFileSync(join(migrations, file), "utf8"))
}

const tableOf = {
  billing: () => filesIn("services/billing"),
  items: () => filesIn("services/items"),
  slots: (resources: Resources) => [tableMigration(resources).text],
}

const open = async (name: string, migrations: ReadonlyArray<string>) => {
  const { url, drop } = await createDatabase(name)
  const types = { bigint: { to: 20, from: [20], parse: Number, serialize: String } }
  const sql = postgres(url, { max: 2, onnotice: () => {}, types })
  await Effect.runPromise(
    Scope.addFinalizer(scope, Effect.promise(() => sql.end().then(drop))),
  )
  for (const text of migrations) await sql.unsafe(text)
  return sql
}

beforeAll(async () => {
  const [ordersTable, billing, items, slots] = await Promise.all([
    open("orders", filesIn("services/orders")),
    ...participants.map((one) =>
      open(one.name, [
        ...tableOf[one.name](one),
        openingMigration({ ...one, one: one.table }).text,
        ...filesIn("shared/reservations"),
      ])
    ),
  ])
  if (!billing || !items || !slots) throw new Error("a participant is missing")
  databases = { billing, orders: ordersTable, items, slots, auth: ordersTable }
  const prefill = 1_000
  await items`
    insert into items (id, name, stock) select n, 'Item', ${prefill} from generate_series(1, 10) n`
  await slots`
    insert into slots (time, capacity)
    select '0' || n || ':00', ${prefill} from generate_series(0, 9) n`
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Writes the records that a right run leaves. */
beforeEach(async () => {
  const { billing, items, slots, orders: table } = databases
  await openBooks(databases, 0)
  const wanted = wantedOrders(orders, "mixed")
  await insertPending(databases, wanted)
  for (const [n, { id, username, amountMinor, item, slot }] of wanted.entries()) {
    const { status, reason } = ends[endOf(n)]
    await table`update orders set status = ${status}, reason = ${reason}, decided_at = now(),
      publish_at = null where id = ${id}`
    if (status === "failed") continue
    await billing`insert into reservations values (${id}, 'reserved', ${username}, ${amountMinor})`
    await billing`update accounts set wallet = wallet - ${amountMinor} where username = ${username}`
    await items`insert into reservations values (${id}, 'reserved', ${item}, 1)`
    await items`update items set stock = stock - 1 where id = ${`${item}`}`
    await slots`insert into reservations values (${id}, 'reserved', ${slot}, 1)`
    await slots`update slots set capacity = capacity - 1 where time = ${slot}`
  }
})

it("finds nothing in right books", async () => {
  expect(await faultsInBooks(databases, orders)).toEqual([])
})

it("finds an order with another end", async () => {
  await databases.orders`update orders set reason = 'Order timed out' where status = 'failed'`
  expect(await faultsInBooks(databases, orders)).toContain(
    '4 orders ended as "Order timed out", not 0',
  )
})

it("finds an order that is missing", async () => {
  expect(await faultsInBooks(databases, orders + 10)).toContain(
    '16 orders ended as "completed", not 24',
  )
})

it("finds a reservation of another order, though the sums are right", async () => {
  const { slots } = databases
  await slots`update reservations set order_id = gen_random_uuid()
    where order_id = (select order_id from reservations limit 1)`
  expect(await faultsInBooks(databases, orders)).toEqual([
    "slots holds 16 reservations for 16 orders",
  ])
})

it("finds money that was taken twice", async () => {
  await databases.billing`update accounts set wallet = wallet - 1 where username = 'bench-0007'`
  expect(await faultsInBooks(databases, orders)).toEqual([
    "billing: the books of bench-0007 do not balance",
  ])
})
