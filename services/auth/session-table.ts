/** The sessions table, for live sessions; session-ends.ts ends them. */
import { Effect, Schema } from "effect"
import type { Sql } from "#shared/postgres/sql.ts"
import { expiryOf, type Lifetimes, type Session, tokensUntil } from "./session-rules.ts"

export interface SessionRow extends Session {
  readonly id: string
  readonly username: string
  readonly address: string
  readonly createdAtMs: number
  /** Whether its user is an operator now. */
  readonly isOperator: boolean
}

const Row = Schema.Struct({
  id: Schema.String,
  username: Schema.String,
  address: Schema.String,
  generation: Schema.Int,
  createdAt: Schema.Date,
  rotatedAt: Schema.Date,
  expiresAt: Schema.Date,
  isOperator: Schema.Boolean,
})

/** The table, with the current lifetimes: shortening them shortens existing sessions, too. */
export const sessionTable = (sql: Sql, lifetimes: Lifetimes) => {
  const columns = sql.part`id, username, address, generation, created_at as "createdAt",
    rotated_at as "rotatedAt", expires_at as "expiresAt", exists (
      select from users where users.username = sessions.username and operator_since is not null
    ) as "isOperator"`
  const ofRow = ({ createdAt, rotatedAt, expiresAt, ...row }: typeof Row.Type): SessionRow => ({
    ...row,
    createdAtMs: createdAt.getTime(),
    rotatedAtMs: rotatedAt.getTime(),
    expiresAtMs: Math.min(expiresAt.getTime(), createdAt.getTime() + lifetimes.longestMs),
  })
  const live = (nowMs: number) =>
    sql.part`expires_at > ${new Date(nowMs)} and created_at > ${new Date(
      nowMs - lifetimes.longestMs,
    )}`

  return {
    insert: (id: string, username: string, address: string, nowMs: number) => {
      const expiresAtMs = expiryOf(nowMs, nowMs, lifetimes)
      return Effect.map(
        sql.row(Row)`
          insert into sessions (id, username, address, created_at, rotated_at, expires_at, tokens_until)
          values (${id}, ${username}, ${address}, ${new Date(nowMs)}, ${new Date(nowMs)},
            ${new Date(expiresAtMs)}, ${new Date(tokensUntil(nowMs, lifetimes))})
          returning ${columns}`,
        (row) => ofRow(row!),
      )
    },

    find: (id: string) =>
      Effect.map(
        sql.row(Row)`select ${columns} from sessions where id = ${id}`,
        (row) => row && ofRow(row),
      ),

    /** The live sessions of a user, last used first. */
    of: (username: string, nowMs: number) =>
      Effect.map(
        sql.rows(Row)`
          select ${columns} from sessions where username = ${username} and ${live(nowMs)}
          order by rotated_at desc, id`,
        (rows) => rows.map(ofRow),
      ),

    /**
     * Makes the next generation if the given one is current. Of parallel calls one does; the others
     * wait for its row and give undefined.
     */
    rotate: (id: string, generation: number, nowMs: number) =>
      Effect.map(
        sql.row(Row)`
          update sessions set generation = generation + 1, rotated_at = ${new Date(nowMs)},
            expires_at = least(${new Date(nowMs + lifetimes.idleMs)}::timestamptz,
              created_at + ${lifetimes.longestMs}::float8 * interval '1 millisecond'),
            tokens_until = greatest(tokens_until,
              ${new Date(tokensUntil(nowMs, lifetimes))}::timestamptz)
          where id = ${id} and generation = ${generation} and ${live(nowMs)}
          returning ${columns}`,
        (row) => row && ofRow(row),
      ),

    /** Deletes the sessions that have expired, and their access tokens with them. */
    deleteExpired: (nowMs: number) =>
      Effect.asVoid(sql`
        delete from sessions where id in (
          select id from sessions where expires_at <= ${new Date(nowMs)}
          order by id for update skip locked)`),
  }
}
