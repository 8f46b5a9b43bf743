/**
 * Signing keys and ended sessions in auth's database. Replicas and services read them often, so one
 * statement reads both.
 */
import { Effect, Schema } from "effect"
import { exportJWK, generateKeyPair } from "jose"
import { json } from "#shared/postgres/columns.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { isKeyDue, retiredKeys } from "./key-rotation.ts"
import type { KeyWrapping, PrivateKey, WrappedKey } from "./key-wrapping.ts"

const wrappedKey = Schema.Union([Schema.String, json<Exclude<WrappedKey, string>>()])

const StoredKey = Schema.Struct({
  kid: Schema.String,
  wrapped: wrappedKey,
  createdAtMs: Schema.Number,
})
export type StoredKey = typeof StoredKey.Type

const Stored = Schema.Struct({
  /** Oldest first. */
  keys: Schema.Array(StoredKey),
  endedSessions: Schema.Array(Schema.String),
  position: Schema.String,
})
export type Stored = typeof Stored.Type

/**
 * All keys, and the sessions that ended after the position, of one snapshot, which the new position
 * names. A position that is ahead is of another database, such as the one before a backup was
 * restored: then all ended sessions are given.
 */
export const readStored = (sql: Sql, after: string): Effect.Effect<Stored> =>
  Effect.map(
    sql.row(Stored)`
      with here as (select pg_snapshot_xmin(pg_current_snapshot()) as position)
      select position::text as position,
        (select coalesce(json_agg(json_build_object('kid', kid, 'wrapped', private_key,
            'createdAtMs', extract(epoch from created_at) * 1000) order by created_at, kid), '[]')
          from signing_keys) as keys,
        (select coalesce(json_agg(session), '[]') from ended_sessions
          where ended_in >= case when ${after}::xid8 > position then '0'::xid8
            else ${after}::xid8 end) as "endedSessions"
      from here`,
    (stored) => stored!,
  )

/** Deletes the ended sessions of which all tokens have expired. */
export const forgetEnded = (sql: Sql, nowMs: number): Effect.Effect<void> =>
  Effect.asVoid(sql`delete from ended_sessions where tokens_until < ${new Date(nowMs)}`)

/** Replicas take turns, so that no two make a key at the same time. */
const lock = (sql: Sql) => sql`lock table signing_keys in share row exclusive mode`

/**
 * Brings the table up to date: makes and deletes keys as their ages demand, and encrypts all of
 * them with the current secret. When one cannot be opened, returns the error and changes nothing.
 */
export const keepKeys = Effect.fnUntraced(function* (
  sql: Sql,
  wrapping: KeyWrapping,
  nowMs: number,
  longestMs: number,
) {
  yield* lock(sql)
  const { keys } = yield* readStored(sql, "0")
  const opened = yield* Effect.promise(() =>
    Promise.all(keys.map(({ kid, wrapped }) => wrapping.unwrap(kid, wrapped)))
  )
  const closed = opened.find((key) => key instanceof Error)
  if (closed !== undefined) return closed
  const retired = retiredKeys(keys, nowMs, longestMs)
  if (retired.length > 0) {
    yield* sql`
      delete from signing_keys where kid = any(${retired.map(({ kid }) => kid)}::text[])`
  }
  for (const [n, { kid, wrapped }] of keys.entries()) {
    if (wrapping.isCurrent(wrapped)) continue
    const again = yield* Effect.promise(() => wrapping.wrap(kid, opened[n] as PrivateKey))
    yield* sql`update signing_keys set private_key = ${sql.json(again)} where kid = ${kid}`
  }
  if (isKeyDue(keys.filter((key) => !retired.includes(key)), nowMs)) {
    yield* addKey(sql, wrapping, nowMs)
  }
  return undefined
})

/** Deletes all keys and makes a new one; returns its id, and theirs. */
export const replaceKeys = Effect.fnUntraced(function* (
  sql: Sql,
  wrapping: KeyWrapping,
  nowMs: number,
) {
  yield* lock(sql)
  const { keys } = yield* readStored(sql, "0")
  yield* sql`delete from signing_keys`
  return { made: yield* addKey(sql, wrapping, nowMs), removed: keys.map(({ kid }) => kid) }
})

const addKey = Effect.fnUntraced(function* (sql: Sql, wrapping: KeyWrapping, nowMs: number) {
  const kid = crypto.randomUUID()
  const wrapped = yield* Effect.promise(async () => {
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
    return wrapping.wrap(kid, await exportJWK(privateKey) as PrivateKey)
  })
  yield* sql`
    insert into signing_keys (kid, private_key, created_at)
    values (${kid}, ${sql.json(wrapped)}, ${new Date(nowMs)})`
  return kid
})
