/**
 * How sessions end before they expire. The row is deleted, so that its refresh tokens are refused;
 * while its access tokens last, ended_sessions names it, and every service refuses them.
 */
import { Schema } from "effect"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import { skewMs } from "./session-rules.ts"

const Ended = Schema.Struct({ id: Schema.String, username: Schema.String })

/**
 * Each of these ends sessions in one statement, so that no service learns of an end that did not
 * happen, and returns the sessions that it ended.
 */
export const sessionEnds = (sql: Sql, nowMs: number) => {
  // Locked in the order of their ids, so that several ends of the same sessions cannot deadlock.
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
    /** All but the `kept` ones that were used last. */
    allBut: (kept: number, username: string) =>
      end(sql.part`id in (
        select id from sessions where username = ${username} order by rotated_at desc, id
        offset ${kept})`),
  }
}
