/**
 * Opens the books of a run: some earlier orders on record, enough in stock, and rich customers.
 * Every run begins alike.
 */
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"
import type { Databases } from "../stand/databases.ts"
import { fillBooks, steps } from "./filling.ts"
import { notInARun } from "./not-in-a-run.ts"
import { accounts, fullSlot, soldOutItem, type WantedOrder } from "./workload.ts"

const opening = 100_000_000_000
const perInsert = 10_000

/**
 * PostgreSQL may analyze a table at any moment after it was emptied, and then plans for the few
 * orders that it has by chance. A table that only grew is never planned like this.
 */
const ordersBefore = 5_000

/**
 * Deletes the orders of earlier runs, restores all balances, stores this many earlier orders, and
 * lets the disk rest. Returns the lowest id that an order of the run can have.
 */
export const openBooks = async (
  databases: Databases,
  before: number = ordersBefore,
): Promise<OrderId> => {
  // The orders of a run may be some seconds old.
  const untilMs = Date.now() - 60_000
  await emptyBooks(databases)
  await fillBooks(databases, before, untilMs)
  const { billing, items, slots, orders } = databases
  await Promise.all([
    billing`vacuum analyze accounts, reservations`,
    items`vacuum analyze items, reservations`,
    slots`vacuum analyze slots, reservations`,
    orders`vacuum analyze orders`,
  ])
  await orders`checkpoint`
  return firstIdAt(untilMs)
}

const emptyBooks = ({ billing, items, slots, orders }: Databases) =>
  Promise.all([
    billing.begin(async (sql) => {
      await sql`truncate reservations`
      await sql`
        insert into accounts (username, email, wallet)
        select name, name || '@example.com', ${opening}
        from generate_series(0, ${accounts - 1}) n,
          lateral (select 'bench-' || to_char(n, 'FM0000')) named (name)
        on conflict do nothing`
      await sql`update accounts set wallet = opening, consumed = 0`
    }),
    items.begin(async (sql) => {
      await sql`truncate reservations`
      await sql`
        insert into items (id, name, stock) values (${`${soldOutItem}`}, 'Sold out', 0)
        on conflict do nothing`
      await sql`update items set stock = opening, consumed = 0`
    }),
    slots.begin(async (sql) => {
      await sql`truncate reservations`
      await sql`insert into slots (time, capacity) values (${fullSlot}, 0) on conflict do nothing`
      await sql`update slots set capacity = opening, consumed = 0`
    }),
    orders`truncate orders`,
  ])

/**
 * Stores orders as the orders service does, pending. After `publishAfter` they are due for the
 * sweeper.
 */
export const insertPending = async (
  { orders }: Databases,
  wanted: ReadonlyArray<WantedOrder>,
  publishAfter = notInARun,
): Promise<void> => {
  for (let from = 0; from < wanted.length; from += perInsert) {
    const rows = wanted.slice(from, from + perInsert)
    await orders`
      insert into orders (id, username, amount, details, steps, created_at, publish_at)
      select id, username, amount, jsonb_build_object('item', item, 'slot', slot),
        ${steps}::text::jsonb, to_timestamp(made / 1000.0), now() + ${publishAfter}::interval
      from unnest(
        ${rows.map(({ id }) => id)}::uuid[],
        ${rows.map(({ username }) => username)}::text[],
        ${rows.map(({ amountMinor }) => amountMinor)}::bigint[],
        ${rows.map(({ item }) => item)}::int[],
        ${rows.map(({ slot }) => slot)}::text[],
        ${rows.map(({ createdAtMs }) => createdAtMs)}::bigint[]
      ) as given (id, username, amount, item, slot, made)`
  }
}
