/**
 * Checks the books of a whole system at rest: every order against the records of billing, items and
 * slots, and the sums. It reads the databases, so it relies on no answer of the system under test.
 */
import postgres from "postgres"

export interface OrderRow {
  readonly id: string
  readonly username: string
  readonly amount: string
  readonly details: { readonly item: number; readonly slot: string }
  readonly status: string
  readonly reason: string | null
  readonly idempotency_key: string | null
  readonly created_at: Date
  readonly decided_at: Date | null
  readonly republished: number
}

interface Reserved {
  readonly order_id: string
  readonly resource: string
  readonly quantity: string
}

export interface Books {
  readonly orders: ReadonlyMap<string, OrderRow>
  /** What is wrong, a line for each; empty if the books balance. */
  readonly faults: ReadonlyArray<string>
}

export interface Openings {
  readonly walletMinor: number
  readonly stock: number
  readonly capacity: number
}

const inDatabase = async <A>(
  serverUrl: string,
  name: string,
  read: (sql: postgres.Sql) => Promise<A>,
) => {
  const url = new URL(serverUrl)
  url.pathname = name
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  try {
    return await read(sql)
  } finally {
    await sql.end()
  }
}

const participant = (
  serverUrl: string,
  name: string,
  key: string,
  table: string,
  balance: string,
) =>
  inDatabase(serverUrl, name, async (sql) => ({
    name,
    reserved: await sql<Array<Reserved>>`
      select order_id, resource, quantity from reservations where outcome = 'reserved'`,
    balances: await sql<Array<{ key: string; balance: string; adjusted: string }>>`
      select ${sql(key)} as key, ${sql(balance)} as balance, coalesce(
        (select sum(change) from adjustments where resource = ${sql(key)}), 0) as adjusted
      from ${sql(table)}`,
  }))

/** The number of orders that are not final, read from the table. */
export const undecided = (serverUrl: string): Promise<number> =>
  inDatabase(serverUrl, "orders", async (sql) => {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::int as count from orders where status in ('pending', 'compensating')`
    return row.count
  })

/**
 * For each period, whether an order was in flight in it: accepted before its end, and not final
 * before its beginning.
 */
export const wereInFlight = (
  serverUrl: string,
  spans: ReadonlyArray<{ readonly fromMs: number; readonly untilMs: number }>,
): Promise<ReadonlyArray<boolean>> =>
  inDatabase(serverUrl, "orders", (sql) =>
    Promise.all(spans.map(async ({ fromMs, untilMs }) => {
      const [row] = await sql<[{ found: boolean }]>`
        select exists(select from orders where created_at <= ${new Date(untilMs)}
          and coalesce(decided_at, 'infinity') >= ${new Date(fromMs)}) as found`
      return row.found
    })))

/** Audits the system on one PostgreSQL server whose databases have the services' names. */
export const audit = async (serverUrl: string, openings: Openings): Promise<Books> => {
  const orders = await inDatabase(serverUrl, "orders", (sql) =>
    sql<Array<OrderRow>>`
      select id, username, amount, details, status, reason, idempotency_key, created_at, decided_at, republished
      from orders`)
  const parties = [
    {
      ...(await participant(serverUrl, "billing", "username", "accounts", "wallet")),
      opening: openings.walletMinor,
    },
    { ...(await participant(serverUrl, "items", "id", "items", "stock")), opening: openings.stock },
    {
      ...(await participant(serverUrl, "slots", "time", "slots", "capacity")),
      opening: openings.capacity,
    },
  ]
  const faults: Array<string> = []
  for (const { name, reserved, balances, opening } of parties) {
    const held = new Map(reserved.map((row) => [row.order_id, row]))
    for (const order of orders) {
      const row = held.get(order.id)
      const wanted = {
        billing: [order.username, order.amount],
        items: [`${order.details.item}`, "1"],
        slots: [order.details.slot, "1"],
      }[name]
      if (order.status === "completed" && `${row?.resource},${row?.quantity}` !== `${wanted}`) {
        faults.push(`${order.id} is completed, but ${name} holds ${row?.resource ?? "nothing"}`)
      }
      if (order.status === "failed" && row) {
        faults.push(`${order.id} failed, but ${name} still holds ${row.resource}`)
      }
      if (!["completed", "failed"].includes(order.status)) {
        faults.push(`${order.id} is ${order.status}`)
      }
      held.delete(order.id)
    }
    for (const id of held.keys()) {
      faults.push(`${name} holds something for ${id}, which is not an order`)
    }
    const takenOf = new Map<string, number>()
    for (const { resource, quantity } of reserved) {
      takenOf.set(resource, (takenOf.get(resource) ?? 0) + Number(quantity))
    }
    for (const { key, balance, adjusted } of balances) {
      const taken = takenOf.get(key) ?? 0
      const there = opening + Number(adjusted)
      if (Number(balance) < 0 || Number(balance) + taken !== there) {
        faults.push(`${name} ${key}: ${balance} left and ${taken} reserved is not ${there}`)
      }
    }
  }
  return { orders: new Map(orders.map((order) => [order.id, order])), faults: [...new Set(faults)] }
}
