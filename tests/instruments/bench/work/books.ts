/**
 * Checks the books after a run, with a few statements for any number of orders: each order ended as
 * expected, each participant holds exactly what the completed orders asked for, and each account,
 * item and slot adds up. `tests/support/books.ts` checks thoroughly, order by order.
 */
import { firstIdAt } from "#shared/contracts/order.ts"
import type { Databases } from "../stand/databases.ts"
import { type End, endsOf, refusals } from "./workload.ts"

export const participants = [
  {
    name: "billing",
    table: "accounts",
    key: "username",
    balance: "wallet",
    asked: "username || amount",
  },
  {
    name: "items",
    table: "items",
    key: "id",
    balance: "stock",
    asked: "(details->>'item') || '1'",
  },
  {
    name: "slots",
    table: "slots",
    key: "time",
    balance: "capacity",
    asked: "(details->>'slot') || '1'",
  },
] as const
type Participant = typeof participants[number]

/** The faults of orders from this id on, a line for each; empty if the books are right. */
export const faultsInBooks = async (
  databases: Databases,
  orders: number,
  sinceId: string = firstIdAt(0),
): Promise<ReadonlyArray<string>> => {
  const ends = await faultsInEnds(databases, orders, sinceId)
  const held = await Promise.all(participants.map((one) => faultsOf(databases, one, sinceId)))
  return [...ends, ...held.flat()]
}

const faultsInEnds = async ({ orders: sql }: Databases, orders: number, sinceId: string) => {
  const rows = await sql<Array<{ end: string; count: number }>>`
    select coalesce(reason, status) as end, count(*)::int as count
    from orders where id >= ${sinceId} group by 1`
  const found = new Map(rows.map(({ end, count }) => [end, count]))
  const wanted = new Map(
    Object.entries(endsOf(orders)).map(([end, count]) => [refusals[end as End] ?? end, count]),
  )
  return [...new Set([...found.keys(), ...wanted.keys()])].flatMap((end) => {
    const [is, should] = [found.get(end) ?? 0, wanted.get(end) ?? 0]
    return is === should ? [] : [`${is} orders ended as "${end}", not ${should}`]
  })
}

interface Held {
  readonly count: number
  readonly sum: string
}

/** A sum of hashes stands for the set of rows: two sets that differ have different sums. */
const faultsOf = async (databases: Databases, { name, ...of }: Participant, sinceId: string) => {
  const { orders, [name]: sql } = databases
  const [completed] = await orders<[Held]>`
    select count(*)::int as count,
      coalesce(sum(hashtextextended(id || ${orders.unsafe(of.asked)}, 0)), 0)::text as sum
    from orders where status = 'completed' and id >= ${sinceId}`
  const [reserved] = await sql<[Held]>`
    select count(*)::int as count,
      coalesce(sum(hashtextextended(order_id || resource || quantity, 0)), 0)::text as sum
    from reservations where outcome = 'reserved' and order_id >= ${sinceId}`
  const off = await sql<Array<{ resource: string }>>`
    select ${sql(of.key)} as resource from ${sql(of.table)} left join (
      select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource
    ) holds on resource = ${sql(of.key)}
    where opening <> ${sql(of.balance)} + coalesce(held, 0) + consumed or ${sql(of.balance)} < 0
    limit 3`
  const same = completed.count === reserved.count && completed.sum === reserved.sum
  return [
    ...(same ? [] : [`${name} holds ${reserved.count} reservations for ${completed.count} orders`]),
    ...off.map(({ resource }) => `${name}: the books of ${resource} do not balance`),
  ]
}
