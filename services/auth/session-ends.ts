/**
 * How sessions end before they expire: the row goes, so that no refresh token of it is good any more, and while its access
 * tokens last, word of it is left in ended_sessions, by which every service refuses them.
 */
import { Schema } from "effect"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import { skewMs } from "./session-rules.ts"

const Ended = Schema.Struct({ id: Schema.String, username: Schema.String })

/** Ends in one statement, so that nobody is told of an end that did not come; each gives whose sessions it ended. */
export const sessionEnds = (sql: Sql, nowMs: number) => {
  // Locked in one order, so that several ends of the same sessions do not wait for each other in a circle.
  const end = (which: Part) =>
    sql.rows(Ended)`
      with over as (
        delete from sessions where id in (
          select id from sessions where ${which} order by id for update
        ) returning id, username, tokens_until + ${skewMs} * interval '1 millisecond' as tokens_until
      ), told as (
        insert into ended_sessions (session, ended_at, tokens_until)
        select id, ${new Date(nowMs)}::timestamptz, tokens_until from over
        where tokens_until > ${new Date(nowMs)}
        on conflict (session) do nothing
      )
      select id, username from over`
  return {
    one: (id: string) => end(sql.part`id = ${id}`),
    oneOf: (username: string, id: string) => end(sql.part`id = ${id} and username = ${username}`),
    allOf: (username: string) => end(sql.part`username = ${username}`),
    /** All but the ones that were used last, as many as are kept. */
    allBut: (kept: number, username: string) =>
      end(sql.part`id in (
        select id from sessions where username = ${username} order by rotated_at desc, id
        offset ${kept})`),
  }
}
