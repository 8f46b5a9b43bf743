/**
 * Sessions: a log-in opens one, and its refresh tokens keep it alive. A session is one row, however
 * often it is refreshed. The id of a refresh token is its session and generation, and
 * session-rules.ts tells what it may do. Access tokens name their session, and end with it.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import { wrongToken } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { AuditTrail } from "./audit-trail.ts"
import { sessionEnds } from "./session-ends.ts"
import { type Lifetimes, standingOf } from "./session-rules.ts"
import { type SessionRow, sessionTable } from "./session-table.ts"
import { type InSession, SessionTokens, type TokenPair } from "./session-tokens.ts"
import { holdUser, type ProvedUser } from "./users.ts"

export interface SessionOptions extends Lifetimes {
  /** One more ends the least recently used one. */
  readonly mostPerUser: number
}

export interface Opened {
  readonly session: string
  readonly tokens: TokenPair
}

export class Sessions extends Context.Service<Sessions, {
  /**
   * Opens a session for a user who has logged in from the address; undefined when the password has
   * changed since, or the account is closed.
   */
  readonly open: (
    user: ProvedUser,
    address: string,
  ) => Effect.Effect<Opened | undefined, Transient>
  /**
   * Returns the next pair for a refresh token. Fails with a 401 Problem when the token may not be
   * used (any more).
   */
  readonly refresh: (
    token: string,
    address: string,
  ) => Effect.Effect<TokenPair, Problem | Transient>
  /**
   * Succeeds for an access or refresh token that would be accepted now. Else fails with a 401
   * Problem.
   */
  readonly verify: (token: string) => Effect.Effect<void, Problem | Transient>
  /** Fails with a 401 Problem unless the user is in this session now. */
  readonly assertLive: (user: InSession) => Effect.Effect<void, Problem | Transient>
  /** The live sessions of a user, last used first. */
  readonly of: (username: string) => Effect.Effect<ReadonlyArray<SessionRow>, Transient>
  /** Deletes the sessions that have expired. */
  readonly purge: Effect.Effect<void, Transient>
}>()("unwind/auth/Sessions") {}

export const sessionsLayer = (
  options: SessionOptions,
): Layer.Layer<Sessions, never, Database | SessionTokens | AuditTrail> =>
  Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const { query } = yield* Database
      const tokens = yield* SessionTokens
      const assertLive = Effect.fnUntraced(function* ({ username, session }: InSession) {
        const found = yield* query((sql) => sessionTable(sql, options).find(session))
        const isLive = found !== undefined && found.username === username &&
          (yield* Clock.currentTimeMillis) < found.expiresAtMs
        if (!isLive) return yield* wrongToken
      })
      return Sessions.of({
        open: yield* makeOpen(options),
        refresh: yield* makeRefresh(options),
        assertLive,
        verify: (token) =>
          Effect.matchEffect(tokens.access(token), {
            onSuccess: assertLive,
            onFailure: () =>
              Effect.gen(function* () {
                const { session, generation } = yield* tokens.refresh(token)
                const found = yield* query((sql) => sessionTable(sql, options).find(session))
                const standing = standingOf(found, generation, yield* Clock.currentTimeMillis)
                if (standing !== "current" && standing !== "justReplaced") return yield* wrongToken
              }),
          }),
        of: (username) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            query((sql) => sessionTable(sql, options).of(username, now))),
        purge: Effect.flatMap(Clock.currentTimeMillis, (now) =>
          query((sql) =>
            sessionTable(sql, options).deleteExpired(now)
          )),
      })
    }),
  )

const makeOpen = (options: SessionOptions) =>
  Effect.gen(function* () {
    const { transaction } = yield* Database
    const tokens = yield* SessionTokens
    const trail = yield* AuditTrail
    return Effect.fnUntraced(function* (user: ProvedUser, address: string) {
      const { username } = user
      const id = crypto.randomUUID()
      const now = yield* Clock.currentTimeMillis
      const opened = yield* transaction((sql) =>
        Effect.gen(function* () {
          // Locked, so that no two simultaneous log-ins count the same sessions, and none uses a
          // password that is being changed.
          if (!(yield* holdUser(sql, user))) return undefined
          const ended = yield* sessionEnds(sql, now).allBut(options.mostPerUser - 1, username)
          return {
            ended,
            session: yield* sessionTable(sql, options).insert(id, username, address, now),
          }
        })
      )
      if (opened === undefined) return undefined
      for (const { id } of opened.ended) {
        const about = { event: "session-end", username, address, session: id } as const
        yield* trail.record({ ...about, outcome: "done", reason: "too_many_sessions" })
      }
      return { session: id, tokens: yield* tokens.sign(opened.session, now) } satisfies Opened
    })
  })

const makeRefresh = (lifetimes: Lifetimes) =>
  Effect.gen(function* () {
    const { query } = yield* Database
    const tokens = yield* SessionTokens
    const trail = yield* AuditTrail
    return Effect.fnUntraced(function* (token: string, address: string) {
      const event = { event: "refresh", address } as const
      const proved = yield* Effect.tapError(
        tokens.refresh(token),
        ({ code }) => trail.record({ ...event, outcome: "refused", reason: code }),
      )
      const { username, session: id, generation } = proved
      const about = { ...event, username, session: id }
      const now = yield* Clock.currentTimeMillis
      const rotated = yield* query((sql) =>
        sessionTable(sql, lifetimes).rotate(id, generation, now)
      )
      const session = rotated ?? (yield* query((sql) => sessionTable(sql, lifetimes).find(id)))
      const standing = standingOf(session, generation, now)
      // Also the token that this call has just rotated: its successor has replaced it.
      if (session !== undefined && standing === "justReplaced") {
        yield* trail.record({ ...about, outcome: "done" })
        return yield* tokens.sign(session, now)
      }
      if (standing === "reused") yield* query((sql) => sessionEnds(sql, now).one(id))
      const reason = standing === "reused" ? "token_reused" : "session_ended"
      yield* trail.record({ ...about, outcome: "refused", reason })
      return yield* wrongToken
    })
  })
