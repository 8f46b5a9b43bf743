/**
 * A participant with batches: one statement for all reserves, one for all cancels. It assumes that
 * an order comes once. If a resource is not enough for all its reserves in a batch, all of them are
 * rejected.
 */
import type { Sql } from "./database.ts"
import type { Command, Outcome } from "./wire.ts"

/** A participant's table of what can be reserved. */
export interface Resources {
  readonly table: string
  readonly key: string
  readonly balance: string
}

export type Commands = ReadonlyArray<Command>
export type Outcomes = ReadonlyArray<Outcome>

/** Makes the function that applies batches of commands together, and answers each. */
export const reservationsOf = (sql: Sql, resources: Resources) => {
  const reserve = reserveAll(sql, resources)
  const cancel = cancelAll(sql, resources)
  return async (batches: ReadonlyArray<Commands>): Promise<ReadonlyArray<Outcomes>> => {
    const commands = batches.length === 1 ? batches[0] ?? [] : batches.flat()
    const reserves = commands.filter(({ action }) => action === "reserve")
    const cancels = commands.filter(({ action }) => action === "cancel")
    const [taken] = await Promise.all([
      reserves.length > 0 ? reserve(reserves) : new Set<string>(),
      cancels.length > 0 ? cancel(cancels) : undefined,
    ])
    const answer = ({ orderId, action, resource }: Command): Outcome => {
      if (action === "cancel") return { orderId, outcome: "cancelled" }
      if (taken.has(resource)) return { orderId, outcome: "reserved" }
      return { orderId, outcome: "rejected" }
    }
    return batches.map((batch) => batch.map(answer))
  }
}

/** Returns the resources that were enough. */
const reserveAll =
  (sql: Sql, { table, key, balance }: Resources) =>
  async (commands: Commands): Promise<ReadonlySet<string>> => {
    const wanted = new Map<string, number>()
    for (const { resource, quantity } of commands) {
      wanted.set(resource, (wanted.get(resource) ?? 0) + quantity)
    }
    const taken = await sql<Array<{ resource: string }>>`
      with taken as (
        update ${sql(table)} set ${sql(balance)} = ${sql(balance)} - wanted.quantity
        from unnest(${[...wanted.keys()]}::text[], ${[...wanted.values()]}::bigint[])
          as wanted (resource, quantity)
        where ${sql(key)} = wanted.resource and ${sql(balance)} >= wanted.quantity
        returning ${sql(key)} as resource
      ), recorded as (
        insert into reservations (order_id, outcome, resource, quantity)
        select order_id,
          case when resource in (select resource from taken) then 'reserved' else 'rejected' end,
          resource, quantity
        from unnest(
          ${commands.map(({ orderId }) => orderId)}::uuid[],
          ${commands.map(({ resource }) => resource)}::text[],
          ${commands.map(({ quantity }) => quantity)}::bigint[]
        ) as command (order_id, resource, quantity)
      )
      select resource from taken`
    return new Set(taken.map(({ resource }) => resource))
  }

const cancelAll =
  (sql: Sql, { table, key, balance }: Resources) => async (commands: Commands): Promise<void> => {
    await sql`
      with cancelled as (
        update reservations set outcome = 'cancelled', cancelled_at = now()
        where order_id = any(${commands.map(({ orderId }) => orderId)}::uuid[])
          and outcome = 'reserved'
        returning resource, quantity
      ), given as (
        select resource, sum(quantity)::bigint as quantity from cancelled group by resource
      )
      update ${sql(table)} set ${sql(balance)} = ${sql(balance)} + given.quantity
      from given where ${sql(key)} = given.resource`
  }
