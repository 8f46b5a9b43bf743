/** A participant without batches: a transaction of one prepared statement for each command. */
import type { Sql } from "./database.ts"
import type { Commands, Outcomes, Resources } from "./reservations.ts"
import type { Command, Outcome } from "./wire.ts"

/** Makes the function that applies each command alone, and answers each. */
export const reservationsOneByOne = (sql: Sql, resources: Resources) => {
  const { table, key, balance } = resources

  const reserve = async ({ orderId, resource, quantity }: Command): Promise<Outcome> => {
    const [recorded] = await sql<[{ outcome: "reserved" | "rejected" }]>`
      with taken as (
        update ${sql(table)} set ${sql(balance)} = ${sql(balance)} - ${quantity}
        where ${sql(key)} = ${resource} and ${sql(balance)} >= ${quantity}
        returning 1
      )
      insert into reservations (order_id, outcome, resource, quantity)
      values (${orderId}, case when exists (select from taken) then 'reserved' else 'rejected' end,
        ${resource}, ${quantity})
      returning outcome`
    return { orderId, outcome: recorded.outcome }
  }

  const cancel = async ({ orderId }: Command): Promise<Outcome> => {
    await sql`
      with cancelled as (
        update reservations set outcome = 'cancelled', cancelled_at = now()
        where order_id = ${orderId} and outcome = 'reserved'
        returning resource, quantity
      )
      update ${sql(table)} set ${sql(balance)} = ${sql(balance)} + cancelled.quantity
      from cancelled where ${sql(key)} = cancelled.resource`
    return { orderId, outcome: "cancelled" }
  }

  return (commands: Commands): Promise<Outcomes> =>
    Promise.all(
      commands.map((command) => command.action === "reserve" ? reserve(command) : cancel(command)),
    )
}
