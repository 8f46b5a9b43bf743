/** The table of the audit trail: written in batches, searched by who, where, what and when, and cut off at its end. */
import { Effect, Schema } from "effect"
import { text } from "#shared/postgres/columns.ts"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import type { EventName, Outcome, TrailEntry } from "./trail-bounds.ts"

/** An entry with what it is known by: an id of its own, and the id of the request that it was made for. */
export interface KeptEntry extends TrailEntry {
  readonly id: string
  readonly request: string | undefined
}

/** What is looked for; all that is said has to fit. */
export interface TrailSearch {
  readonly username?: string
  readonly address?: string
  readonly event?: EventName
  readonly outcome?: Outcome
  readonly since?: Date
  readonly until?: Date
  readonly limit: number
}

const Found = Schema.Struct({
  at: Schema.Date,
  event: Schema.String,
  outcome: text<Outcome>(),
  reason: Schema.NullOr(Schema.String),
  username: Schema.NullOr(Schema.String),
  address: Schema.NullOr(Schema.String),
  session: Schema.NullOr(Schema.String),
  request: Schema.NullOr(Schema.String),
  count: Schema.Int,
})
export type FoundEntry = typeof Found.Type

const purgedAtOnce = 10_000

export const trailTable = (sql: Sql) => ({
  /** Inserts entries; those that are there already, by a try of which the answer was lost, stay as they are. */
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

  /** The newest entries that fit, oldest first. */
  search: ({ username, address, event, outcome, since, until, limit }: TrailSearch) => {
    const where = <A>(given: A | undefined, part: (given: A) => Part) =>
      given === undefined ? sql.part`` : part(given)
    return Effect.map(
      sql.rows(Found)`
        select at, event, outcome, reason, username, address, session, request, count
        from audit_trail where true
          ${where(username, (it) => sql.part`and username = ${it}`)}
          ${where(address, (it) => sql.part`and address = ${it}`)}
          ${where(event, (it) => sql.part`and event = ${it}`)}
          ${where(outcome, (it) => sql.part`and outcome = ${it}`)}
          ${where(since, (it) => sql.part`and at >= ${it}`)}
          ${where(until, (it) => sql.part`and at < ${it}`)}
        order by at desc, id limit ${limit}`,
      (found) => found.toReversed(),
    )
  },

  /** Deletes the oldest entries from before then, and tells whether there may be more. */
  purge: (before: Date) =>
    Effect.map(
      sql`
        delete from audit_trail where id in (
          select id from audit_trail where at < ${before} order by at limit ${purgedAtOnce}
          for update skip locked)`,
      (count) => count === purgedAtOnce,
    ),
})
