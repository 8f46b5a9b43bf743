/**
 * Sessions: what a log-in opens and its refresh tokens keep alive. A session is one row, whatever the number of refreshes;
 * a refresh token's id is its session and generation, and what it may do follows from session-rules.ts.
 */
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { refreshClaims } from "#shared/security/claims.ts"
import {
  accessTokenType,
  type TokenOptions,
  userTokenLimits,
  verifyAccess,
  verifyToken,
  wrongToken,
} from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { type Session, standingOf } from "./session-rules.ts"
import { SigningKeys } from "./signing-keys.ts"

export const refreshTokenType = "rt+jwt"

export interface TokenPair {
  readonly access: string
  readonly refresh: string
}

export interface SessionOptions extends TokenOptions {
  readonly accessLifetime: Duration.Duration
  readonly refreshLifetime: Duration.Duration
}

export class Sessions extends Context.Service<Sessions, {
  /** Opens a session for a user who has logged in from the address. */
  readonly open: (username: string, address: string) => Effect.Effect<TokenPair, Transient>
  /** Gives the next pair for a refresh token. Fails with a 401 Problem for one that may not be used (any more). */
  readonly refresh: (token: string) => Effect.Effect<TokenPair, Problem | Transient>
  /** Succeeds for an access or refresh token that would be accepted now. Fails with a 401 Problem. */
  readonly verify: (token: string) => Effect.Effect<void, Problem | Transient>
  /** Deletes the sessions that have expired. */
  readonly purge: Effect.Effect<void, Transient>
}>()("unwind/auth/Sessions") {}

export const sessionsLayer = (
  options: SessionOptions,
): Layer.Layer<Sessions, never, Database | SigningKeys> =>
  Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const { query } = yield* Database
      const signingKeys = yield* SigningKeys
      const lifetimeMs = Duration.toMillis(options.refreshLifetime)
      const { trust } = signingKeys
      const isAccess = verifyAccess(trust, options)
      const isRefresh = verifyToken(trust, {
        type: refreshTokenType,
        claims: refreshClaims(options),
        limits: () => userTokenLimits(Math.ceil(lifetimeMs / 1000)),
      })

      const sign = makeSigner(signingKeys, options)
      const proved = (token: string) =>
        Effect.map(isRefresh(token), ({ claims: { sub, jti } }) => {
          const [id = "", generation] = jti.split(".")
          return { username: sub, id, generation: Number(generation) }
        })
      const end = (id: string) => query((sql) => sql`delete from sessions where id = ${id}`)

      return Sessions.of({
        open: Effect.fnUntraced(function* (username, address) {
          const id = crypto.randomUUID()
          const now = yield* Clock.currentTimeMillis
          const session = { generation: 0, rotatedAtMs: now, expiresAtMs: now + lifetimeMs }
          yield* query((sql) =>
            sql`
              insert into sessions (id, username, address, rotated_at, expires_at)
              values (${id}, ${username}, ${address}, ${new Date(now)},
                ${new Date(session.expiresAtMs)})`
          )
          return yield* sign(username, id, session)
        }),
        refresh: Effect.fnUntraced(function* (token) {
          const { username, id, generation } = yield* proved(token)
          const now = yield* Clock.currentTimeMillis
          const rotated = yield* query((sql) => rotate(sql, id, generation, now, lifetimeMs))
          if (rotated !== undefined) return yield* sign(username, id, rotated)
          const session = yield* query((sql) => find(sql, id))
          const standing = standingOf(session, generation, now)
          if (standing === "justReplaced") return yield* sign(username, id, session!)
          if (standing === "reused") {
            yield* end(id)
            yield* Effect.logWarning("A replaced refresh token was used: its session is ended", {
              username,
              session: id,
            })
          }
          return yield* wrongToken
        }),
        verify: (token) =>
          Effect.catch(isAccess(token), () =>
            Effect.gen(function* () {
              const { id, generation } = yield* proved(token)
              const session = yield* query((sql) => find(sql, id))
              const standing = standingOf(session, generation, yield* Clock.currentTimeMillis)
              if (standing !== "current" && standing !== "justReplaced") return yield* wrongToken
            })).pipe(Effect.asVoid),
        purge: Effect.flatMap(Clock.currentTimeMillis, (now) =>
          query((sql) =>
            Effect.asVoid(sql`delete from sessions where expires_at <= ${new Date(now)}`)
          )),
      })
    }),
  )

/** Signs the pair of a session's current generation; all of the refresh token follows from the row. */
const makeSigner =
  ({ sign }: SigningKeys["Service"], { issuer, audience, accessLifetime }: SessionOptions) =>
  (username: string, id: string, { generation, rotatedAtMs, expiresAtMs }: Session) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const claims = (jti: string, issuedAtMs: number, expiresAtMs: number) => ({
        iss: issuer,
        aud: audience,
        sub: username,
        jti,
        iat: Math.floor(issuedAtMs / 1000),
        exp: Math.floor(expiresAtMs / 1000),
      })
      const untilMs = now + Duration.toMillis(accessLifetime)
      return {
        access: yield* sign(accessTokenType, {
          ...claims(crypto.randomUUID(), now, untilMs),
          sid: id,
        }),
        refresh: yield* sign(
          refreshTokenType,
          claims(`${id}.${generation}`, rotatedAtMs, expiresAtMs),
        ),
      }
    })

const Row = Schema.Struct({
  generation: Schema.Int,
  rotatedAt: Schema.Date,
  expiresAt: Schema.Date,
})

const ofRow = (row: typeof Row.Type | undefined): Session | undefined =>
  row && {
    generation: row.generation,
    rotatedAtMs: row.rotatedAt.getTime(),
    expiresAtMs: row.expiresAt.getTime(),
  }

const find = (sql: Sql, id: string) =>
  Effect.map(
    sql.row(Row)`
      select generation, rotated_at as "rotatedAt", expires_at as "expiresAt"
      from sessions where id = ${id}`,
    ofRow,
  )

/**
 * Makes the next generation if the given one is current. Of parallel calls one does; the others wait for its row and find
 * it done.
 */
const rotate = (sql: Sql, id: string, generation: number, nowMs: number, lifetimeMs: number) =>
  Effect.map(
    sql.row(Row)`
      update sessions set generation = generation + 1, rotated_at = ${new Date(nowMs)},
        expires_at = ${new Date(nowMs + lifetimeMs)}
      where id = ${id} and generation = ${generation} and expires_at > ${new Date(nowMs)}
      returning generation, rotated_at as "rotatedAt", expires_at as "expiresAt"`,
    ofRow,
  )
