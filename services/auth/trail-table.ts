/**
 * The table of the audit trail: written in batches, searched by who, where, what and when, and
 * purged of old entries.
 */
import { Effect, Schema } from "effect"
import { text } from "#shared/postgres/columns.ts"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import type { ActionOutcome, OperatorAction, TrailAction } from "#shared/contracts/trail.ts"
import type { EventName, TrailEntry } from "./trail-bounds.ts"

/** An entry with an id of its own, and the id of the request that it was made for. */
export interface KeptEntry extends TrailEntry {
  readonly id: string
  readonly request: string | undefined
}

/** The conditions of a search; all that are given must hold. */
export interface TrailSearch {
  readonly username?: string
  readonly address?: string
  readonly event?: EventName | OperatorAction
  readonly outcome?: ActionOutcome
  readonly target?: string
  readonly since?: Date
  readonly until?: Date
  readonly limit: number
}

const Found = Schema.Struct({
  at: Schema.Date,
  event: Schema.String,
  outcome: text<ActionOutcome>(),
  reason: Schema.NullOr(Schema.String),
  username: Schema.NullOr(Schema.String),
  address: Schema.NullOr(Schema.String),
  session: Schema.NullOr(Schema.String),
  target: Schema.NullOr(Schema.String),
  why: Schema.NullOr(Schema.String),
  endedAt: Schema.NullOr(Schema.Date),
  request: Schema.NullOr(Schema.String),
  count: Schema.Int,
})
export type FoundEntry = typeof Found.Type

const purgedAtOnce = 10_000

export const trailTable = (sql: Sql) => ({
  /**
   * Inserts entries. Those that exist already, from an attempt whose answer was lost, stay as they
   * are.
   */
  insert: (entries: ReadonlyArray<KeptEntry>) =>
    Effect.asVoid(sql`
      insert into audit_trail (id, at, event, outcome, reason, username, address, session, request, count)
      select * from unnest(
        ${entries.map(({ id }) => id)}::uuid[],
        ${entries.map(({ atMs }) => new Date(atMs).toISOString())}::timestamptz[],
        ${entries.map(({ event }) => event)}::text[],
        ${entries.map(({ outcome }) => outcome)}::text[],
        ${entries.map(({ reason }) => reason ?? null)}::text[],
        ${entries.map(({ username }) => username ?? null)}::text[],
        ${entries.map(({ address }) => address ?? null)}::text[],
        ${entries.map(({ session }) => session ?? null)}::uuid[],
        ${entries.map(({ request }) => request ?? null)}::text[],
        ${entries.map(({ count }) => count)}::int[])
      on conflict (id) do nothing`),

  /**
   * Records that an action begins, or how it ended. The first end is kept, and only the operator
   * who began an action can end it. False when the id belongs to another action.
   */
  action: (entry: TrailAction, now: Date, request: string | undefined) => {
    const { id, username, action, target, reason, outcome, code, address } = entry
    const endedAt = outcome === "begun" ? null : now
    return Effect.map(
      sql.row(Schema.Struct({ same: Schema.Boolean }))`
        insert into audit_trail as known
          (id, at, ended_at, event, outcome, reason, username, address, target, why, request)
        values (${id}, ${now}, ${endedAt}, ${action}, ${outcome}, ${code ?? null}, ${username},
          ${address ?? null}, ${target ?? null}, ${reason}, ${request ?? null})
        on conflict (id) do update set
          outcome = case when known.outcome = 'begun' then excluded.outcome else known.outcome end,
          reason = case when known.outcome = 'begun' then excluded.reason else known.reason end,
          ended_at = case when known.outcome = 'begun' then excluded.ended_at else known.ended_at end
        where known.username = excluded.username and known.event = excluded.event
          and known.why = excluded.why and known.target is not distinct from excluded.target
        returning true as same`,
      (row) => row !== undefined,
    )
  },

  /** The newest entries that match, oldest first. */
  search: ({ username, address, event, outcome, target, since, until, limit }: TrailSearch) => {
    const where = <A>(given: A | undefined, part: (given: A) => Part) =>
      given === undefined ? sql.part`` : part(given)
    return Effect.map(
      sql.rows(Found)`
        select at, event, outcome, reason, username, address, session, target, why,
          ended_at as "endedAt", request, count
        from audit_trail where true
          ${where(username, (it) => sql.part`and username = ${it}`)}
          ${where(address, (it) => sql.part`and address = ${it}`)}
          ${where(event, (it) => sql.part`and event = ${it}`)}
          ${where(outcome, (it) => sql.part`and outcome = ${it}`)}
          ${where(target, (it) => sql.part`and target = ${it}`)}
          ${where(since, (it) => sql.part`and at >= ${it}`)}
          ${where(until, (it) => sql.part`and at < ${it}`)}
        order by at desc, id limit ${limit}`,
      (found) => found.toReversed(),
    )
  },

  /** Deletes the oldest entries from before that time, and tells whether there may be more. */
  purge: (before: Date) =>
    Effect.map(
      sql`
        delete from audit_trail where id in (
          select id from audit_trail where at < ${before} order by at limit ${purgedAtOnce}
          for update skip locked)`,
      (count) => count === purgedAtOnce,
    ),
})
