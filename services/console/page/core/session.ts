/**
 * The session of the signed-in user. The access token stays in this page's memory. The refresh
 * token is in the tab's sessionStorage: it survives a reload, and is gone when the tab is closed.
 * Auth replaces it at each use and ends the session when an old one is used, so tabs of the same
 * browser send each other the new tokens.
 */
import { signal } from "@preact/signals"
import { noAnswer, Problem, problemOf } from "./problem.ts"

export interface Session {
  readonly username: string
  readonly operator: boolean
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
}

/** Null when nobody is signed in; undefined while unknown. */
export const session = signal<Session | null | undefined>(undefined)

interface Claims {
  readonly sub: string
  readonly sid: string
  readonly role?: string
  readonly exp: number
  readonly iat: number
}

let access: (Claims & { readonly token: string; readonly goodUntilMs: number }) | undefined

const key = "unwind-refresh"
const tabs = new BroadcastChannel("unwind-session")

type Told =
  | { readonly kind: "ask" }
  | { readonly kind: "tokens"; readonly tokens: Tokens }
  | { readonly kind: "over"; readonly sid: string }

const tell = (told: Told) => tabs.postMessage(told)

const claimsOf = (token: string): Claims => {
  const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")
  const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}

const take = ({ access: token, refresh }: Tokens) => {
  const claims = claimsOf(token)
  // Measured on this machine, so that a wrong clock does not matter.
  const goodUntilMs = performance.now() + (claims.exp - claims.iat) * 1000 - 20_000
  access = { ...claims, token, goodUntilMs }
  sessionStorage.setItem(key, refresh)
  const { sub: username, role } = claims
  const operator = role === "operator"
  const { value } = session
  if (value?.username !== username || value.operator !== operator) {
    session.value = { username, operator }
  }
}

const drop = () => {
  access = undefined
  sessionStorage.removeItem(key)
  session.value = null
}

/** A request that needs no token. Fails with a Problem. */
export const post = async <A>(path: string, body: unknown): Promise<A> => {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw noAnswer()
  })
  if (!response.ok) throw await problemOf(response)
  return response.status === 204 ? undefined as A : await response.json()
}

const begin = (tokens: Tokens) => {
  take(tokens)
  tell({ kind: "tokens", tokens })
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

export const signIn = async (credentials: Credentials): Promise<void> =>
  begin(await post<Tokens>("/api/token/", credentials))

export const signUp = async (who: Credentials & { readonly email: string }): Promise<void> => {
  await post("/api/auth/users/", who)
  await signIn({ username: who.username, password: who.password })
}

export const signOut = async (): Promise<void> => {
  const refresh = sessionStorage.getItem(key)
  if (access !== undefined) tell({ kind: "over", sid: access.sid })
  drop()
  if (refresh !== null) await post("/api/token/logout/", { refresh })
}

let refreshing: Promise<void> | undefined

/**
 * Gets new tokens, or drops a session that has ended. Fails with a Problem when neither is known.
 */
export const refresh = (): Promise<void> =>
  refreshing ??= refreshOnce().finally(() => {
    refreshing = undefined
  })

const refreshOnce = async () => {
  const token = sessionStorage.getItem(key)
  if (token === null) return drop()
  try {
    begin(await post<Tokens>("/api/token/refresh/", { refresh: token }))
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error
    drop()
  }
}

/** A valid access token; undefined when nobody is signed in. */
export const accessToken = async (): Promise<string | undefined> => {
  if (access === undefined) return undefined
  if (performance.now() > access.goodUntilMs) await refresh()
  return access?.token
}

tabs.addEventListener("message", ({ data }: MessageEvent<Told>) => {
  if (data.kind === "ask") {
    const refresh = sessionStorage.getItem(key)
    if (access && refresh) tell({ kind: "tokens", tokens: { access: access.token, refresh } })
  } else if (data.kind === "over") {
    if (access?.sid === data.sid) drop()
  } else if (access === undefined || access.sid === claimsOf(data.tokens.access).sid) {
    take(data.tokens)
  }
})

/** How long other tabs have to answer. */
const answerWithinMs = 150

/**
 * Signs in by the address that the system printed; otherwise resumes the session of this tab, or of
 * another.
 */
export const startSession = async (): Promise<void> => {
  const printed = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1]
  if (printed !== undefined) {
    history.replaceState(null, "", location.pathname + location.search)
    return begin(await post<Tokens>("/api/token/first-operator/", { token: printed }))
  }
  if (sessionStorage.getItem(key) !== null) return await refresh()
  tell({ kind: "ask" })
  await new Promise((resolve) => setTimeout(resolve, answerWithinMs))
  if (access === undefined) drop()
}
