/**
 * The decision register: conditional updates, a batch in one statement, answered with the orders'
 * states.
 */
import type { Sql } from "./database.ts"
import type { Decision } from "./wire.ts"

export type Decisions = ReadonlyArray<Decision>
/** The states, in the order of the decisions. */
export type Statuses = ReadonlyArray<string>

const rules = {
  ask: { before: "", after: "" },
  complete: { before: "pending", after: "completed" },
  abort: { before: "pending", after: "compensating" },
  settle: { before: "compensating", after: "failed" },
}

/** Makes the function that records batches of decisions, all in one statement, and answers each. */
export const registerOf =
  (sql: Sql) => async (batches: ReadonlyArray<Decisions>): Promise<ReadonlyArray<Statuses>> => {
    const decisions = batches.length === 1 ? batches[0] ?? [] : batches.flat()
    const changed = await change(sql, decisions)
    if (changed === decisions.length) {
      return batches.map((batch) => batch.map(({ decision }) => rules[decision].after))
    }
    const ids = decisions.map(({ orderId }) => orderId)
    const rows = await sql<Array<{ id: string; status: string }>>`
      select id, status from orders where id = any(${ids}::uuid[])`
    const statuses = new Map(rows.map(({ id, status }) => [id, status]))
    return batches.map((batch) => batch.map(({ orderId }) => statuses.get(orderId) ?? "unknown"))
  }

/** Returns the number of orders that were in the state that their decision requires. */
const change = async (sql: Sql, decisions: Decisions): Promise<number> => {
  const { kinds, kindOf } = sorted(decisions)
  // Materialized: inlined, the same timeline would be read as JSON again for every order.
  const { count } = await sql`
    with kind as materialized (
      select number, before, after, reason, timeline::jsonb
      from unnest(
        ${kinds.map(({ decision }) => rules[decision].before)}::text[],
        ${kinds.map(({ decision }) => rules[decision].after)}::text[],
        ${kinds.map(({ reason }) => reason ?? null)}::text[],
        ${kinds.map(({ timeline }) => JSON.stringify(timeline))}::text[]
      ) with ordinality as kind (before, after, reason, timeline, number)
    )
    update orders set status = kind.after, reason = coalesce(orders.reason, kind.reason),
      timeline = orders.timeline || kind.timeline,
      decided_at = case when kind.after <> 'compensating' then now() end,
      publish_at = case when kind.after = 'compensating' then orders.publish_at end
    from unnest(
      ${decisions.map(({ orderId }) => orderId)}::uuid[],
      ${kindOf}::int[]
    ) as change (id, kind)
    join kind on kind.number = change.kind
    where orders.id = change.id and orders.status = kind.before`
  return count
}

/**
 * Most decisions of a batch differ only in the order, so each kind of decision is sent once. Kinds
 * are counted from 1.
 */
const sorted = (decisions: Decisions) => {
  const kinds: Array<Decision> = []
  const kindOf = decisions.map((decision) => {
    const known = kinds.findIndex((kind) =>
      kind.timeline === decision.timeline && kind.decision === decision.decision &&
      kind.reason === decision.reason
    )
    return 1 + (known === -1 ? kinds.push(decision) - 1 : known)
  })
  return { kinds, kindOf }
}
