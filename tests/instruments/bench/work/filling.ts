/** Fills the tables with orders of earlier days, which completed. */
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import type { Databases } from "../stand/databases.ts"
import { accounts } from "./workload.ts"

/** The steps of every order, as JSON for their column. */
export const steps = JSON.stringify(stepsInForce)

const perMinute = 600
const amountMinor = 100
const timeline = JSON.stringify(stepsInForce.map((step) => ({
  ...{ step, action: "reserve", outcome: "reserved", attempts: 1 },
  ...{ at: "2025-01-01T12:00:00.000Z", durationMs: 12 },
})))

/** Stores this many completed orders, all made before that time. The books must be empty. */
export const fillBooks = async (
  databases: Databases,
  orders: number,
  untilMs: number,
): Promise<void> => {
  const sinceMs = untilMs - orders * 60_000 / perMinute
  const { billing, items, slots } = databases
  await Promise.all([
    fillOrders(databases, orders, sinceMs),
    fillParticipant(billing, "accounts", "username", "wallet", orders, sinceMs),
    fillParticipant(items, "items", "id", "stock", orders, sinceMs),
    fillParticipant(slots, "slots", "time", "capacity", orders, sinceMs),
  ])
}

/**
 * The id and the content of each order: the same in all databases, with ids of version 7, ten in a
 * second.
 */
const numbered = (sql: Databases["orders"], orders: number, sinceMs: number) =>
  sql`
    select made_ms, (substr(time, 1, 8) || '-' || substr(time, 9) || '-7' || substr(random, 1, 3)
      || '-a' || substr(random, 4, 3) || '-' || substr(random, 7, 12))::uuid as id,
      'bench-' || to_char(n % ${accounts}, 'FM0000') as username, 1 + n % 10 as item,
      '0' || n % 10 || ':00' as slot
    from generate_series(0, ${orders - 1}) n,
      lateral (select ${Math.floor(sinceMs)}::bigint + n * ${
    60_000 / perMinute
  }::bigint) made (made_ms),
      lateral (select lpad(to_hex(made_ms), 12, '0'), md5(n::text)) parts (time, random)`

const fillOrders = ({ orders: sql }: Databases, orders: number, sinceMs: number) =>
  sql`
    insert into orders
      (id, username, amount, details, steps, status, created_at, decided_at, timeline)
    select id, username, ${amountMinor}, jsonb_build_object('item', item, 'slot', slot),
      ${steps}::text::jsonb, 'completed', to_timestamp(made_ms / 1000.0),
      to_timestamp(made_ms / 1000.0), ${timeline}::text::jsonb
    from (${numbered(sql, orders, sinceMs)}) given`

const fillParticipant = async (
  sql: Databases["orders"],
  table: string,
  key: "username" | "id" | "time",
  balance: string,
  orders: number,
  sinceMs: number,
) => {
  const resource = { username: sql`username`, id: sql`item::text`, time: sql`slot` }[key]
  await sql`
    insert into reservations (order_id, outcome, resource, quantity)
    select id, 'reserved', ${resource}, ${key === "username" ? amountMinor : 1}
    from (${numbered(sql, orders, sinceMs)}) given`
  await sql`
    update ${sql(table)} set ${sql(balance)} = opening - held
    from (select resource, sum(quantity) as held from reservations group by resource) holds
    where resource = ${sql(key)}`
}
