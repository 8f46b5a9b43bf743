/** The routes by which users list their sessions and end them. */
import { Effect, Schema } from "effect"
import { RefreshRequest, SessionId, SessionView } from "#shared/contracts/auth.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { clientAddress } from "#shared/http/client-address.ts"
import { sessionShown } from "./live-user.ts"
import { makeLogOut } from "./log-out.ts"
import type { TrustProxy } from "./origin.ts"
import type { SessionRow } from "./session-table.ts"
import { Sessions } from "./sessions.ts"

const view = (current: string) => (session: SessionRow): typeof SessionView.Type => ({
  id: session.id,
  createdAt: new Date(session.createdAtMs).toISOString(),
  lastUsedAt: new Date(session.rotatedAtMs).toISOString(),
  expiresAt: new Date(session.expiresAtMs).toISOString(),
  address: session.address,
  current: session.id === current,
})

const nothing = () => new Response(null, { status: 204 })

export const sessionRoutes = ({ trustProxy }: TrustProxy) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions
    const logOut = yield* makeLogOut
    return yield* Effect.all([
      route({
        method: "POST",
        path: "/api/token/logout/",
        summary: "Log out: end the session of a refresh token",
        tag: "tokens",
        body: {
          schema: RefreshRequest,
          maxBytes: publicBodyBytes,
          example: { refresh: "the refresh token" },
        },
        answer: { status: 204, description: "The session is over" },
        problems: [401],
        handle: ({ body, request, remoteAddress }) =>
          logOut.byToken(
            body.refresh,
            clientAddress(request, remoteAddress, trustProxy),
          ).pipe(Effect.map(nothing)),
      }),
      route({
        method: "GET",
        path: "/api/auth/sessions/",
        summary: "Your sessions, last used first",
        tag: "sessions",
        answer: { status: 200, description: "The sessions", schema: Schema.Array(SessionView) },
        handle: Effect.fnUntraced(function* ({ caller: { username }, request }) {
          const current = yield* sessionShown(request)
          return { body: (yield* sessions.of(username)).map(view(current)) }
        }),
      }),
      route({
        method: "DELETE",
        path: "/api/auth/sessions/",
        summary: "Log out everywhere: end all your sessions, including this one",
        tag: "sessions",
        answer: { status: 204, description: "All sessions are over" },
        handle: ({ caller: { username }, request, remoteAddress }) =>
          logOut.everywhere(
            username,
            clientAddress(request, remoteAddress, trustProxy),
          ).pipe(Effect.map(nothing)),
      }),
      route({
        method: "DELETE",
        path: "/api/auth/sessions/:id/",
        summary: "End one of your sessions",
        tag: "sessions",
        params: Schema.Struct({ id: SessionId }),
        answer: { status: 204, description: "The session is over" },
        problems: [404],
        handle: ({ caller: { username }, params, request, remoteAddress }) =>
          logOut.ofSession(
            username,
            params.id.toLowerCase(),
            clientAddress(request, remoteAddress, trustProxy),
          ).pipe(Effect.map(nothing)),
      }),
    ])
  })
