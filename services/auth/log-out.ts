/**
 * Logs out: of one session by any of its refresh tokens, of one of a user's sessions by its id, or
 * everywhere. Refresh tokens are refused at once, and so are access tokens at auth; the other
 * services learn of it.
 */
import { Clock, Effect } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import { AuditTrail, recorded } from "./audit-trail.ts"
import { sessionEnds } from "./session-ends.ts"
import { SessionTokens } from "./session-tokens.ts"

const noSuchSession = new Problem({
  status: 404,
  code: "session_not_found",
  detail:
    "You have no session with this id; it may have ended. GET /api/auth/sessions/ lists yours.",
})

export const makeLogOut = Effect.gen(function* () {
  const { query } = yield* Database
  const tokens = yield* SessionTokens
  const trail = yield* AuditTrail
  const ends = <A>(end: (ends: ReturnType<typeof sessionEnds>) => Effect.Effect<A>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => query((sql) => end(sessionEnds(sql, now))))
  return {
    /**
     * Ends the session of a refresh token, unless it is over. Fails with a 401 Problem when the
     * token is not valid.
     */
    byToken: Effect.fnUntraced(function* (token: string, address: string) {
      const about = { event: "log-out" as const, address }
      const { username, session } = yield* Effect.tapError(
        tokens.refresh(token),
        ({ code }) => trail.record({ ...about, outcome: "refused", reason: code }),
      )
      yield* recorded(trail, { ...about, username, session }, ends(({ one }) => one(session)))
    }),
    /**
     * Ends one of the user's sessions. Fails with a 404 Problem when the user has none with that
     * id.
     */
    ofSession: (username: string, session: string, address: string) =>
      recorded(
        trail,
        { event: "log-out", username, session, address },
        Effect.filterOrFail(
          ends(({ oneOf }) => oneOf(username, session)),
          ({ length }) => length > 0,
          () => noSuchSession,
        ),
      ),
    /** Ends all sessions of the user. */
    everywhere: (username: string, address: string) =>
      recorded(
        trail,
        { event: "log-out-everywhere", username, address },
        ends(({ allOf }) => allOf(username)),
      ),
  }
})
