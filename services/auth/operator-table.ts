/**
 * Who is an operator: a column of the users, which only the command of `compose/operators` and the
 * first sign-in write. The role is in the access tokens of sessions that are opened or refreshed
 * afterwards.
 */
import { Effect, Schema } from "effect"
import type { Sql } from "#shared/postgres/sql.ts"
import { sessionEnds } from "./session-ends.ts"
import type { EventName } from "./trail-bounds.ts"
import { trailTable } from "./trail-table.ts"

/** The result; "unknown": there is no such user. */
export type Granted = "granted" | "granted before" | "unknown"
export type Revoked = "revoked" | "no operator" | "unknown"

const Held = Schema.Struct({ isOperator: Schema.Boolean })
const Listed = Schema.Struct({ username: Schema.String, since: Schema.Date })
export type ListedOperator = typeof Listed.Type

/** Must run in a transaction: a change and its entry in the audit trail are one. */
export const operatorTable = (sql: Sql, now: Date) => {
  /**
   * Locks the user until the transaction ends, as opening a session does; undefined when there is
   * no such user.
   */
  const hold = (username: string) =>
    sql.row(Held)`
      select operator_since is not null as "isOperator" from users
      where username = ${username} and active and closed_at is null
      for no key update`
  const record = (event: EventName, username: string) =>
    trailTable(sql).insert([{
      id: crypto.randomUUID(),
      atMs: now.getTime(),
      event,
      outcome: "done",
      username,
      count: 1,
      request: undefined,
    }])

  return {
    isOperator: (username: string) =>
      Effect.map(hold(username), (user) => user?.isOperator === true),

    grant: Effect.fnUntraced(function* (username: string) {
      const user = yield* hold(username)
      if (user === undefined) return "unknown" satisfies Granted
      if (user.isOperator) return "granted before" satisfies Granted
      yield* sql`update users set operator_since = ${now} where username = ${username}`
      yield* record("operator-grant", username)
      return "granted" satisfies Granted
    }),

    /**
     * Also ends all sessions of the user, so that the role is accepted nowhere once their access
     * tokens are refused.
     */
    revoke: Effect.fnUntraced(function* (username: string) {
      const user = yield* hold(username)
      if (user === undefined) return "unknown" satisfies Revoked
      if (!user.isOperator) return "no operator" satisfies Revoked
      yield* sql`update users set operator_since = null where username = ${username}`
      yield* sessionEnds(sql, now.getTime()).allOf(username)
      yield* record("operator-revoke", username)
      return "revoked" satisfies Revoked
    }),

    /** All operators, by name. */
    list: sql.rows(Listed)`
      select username, operator_since as since from users
      where operator_since is not null and closed_at is null order by username`,
  }
}
