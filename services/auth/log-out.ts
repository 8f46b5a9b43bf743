/**
 * Logging out: of one session by any of its refresh tokens, of one of a user's sessions by its id, or everywhere. Refresh
 * tokens are refused from then on, and so are access tokens by auth; the other services learn of it.
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
  detail: "You have no session with this id, or not any more. GET /api/auth/sessions/ lists them.",
})

export const makeLogOut = Effect.gen(function* () {
  const { query } = yield* Database
  const tokens = yield* SessionTokens
  const trail = yield* AuditTrail
  const ends = <A>(end: (ends: ReturnType<typeof sessionEnds>) => Effect.Effect<A>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => query((sql) => end(sessionEnds(sql, now))))
  return {
    /** Ends the session of a refresh token, if it is not over yet. Fails with a 401 Problem for what is no such token. */
    byToken: Effect.fnUntraced(function* (token: string, address: string) {
      const about = { event: "log-out" as const, address }
      const { username, session } = yield* Effect.tapError(
        tokens.refresh(token),
        ({ code }) => trail.record({ ...about, outcome: "refused", reason: code }),
      )
      yield* recorded(trail, { ...about, username, session }, ends(({ one }) => one(session)))
    }),
    /** Ends one of the user's sessions. Fails with a 404 Problem when the user has none of that id. */
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
