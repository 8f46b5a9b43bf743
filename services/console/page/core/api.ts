/** The system's API, called as the signed-in user. */
import { noAnswer, problemOf } from "./problem.ts"
import { accessToken, refresh, session } from "./session.ts"

export interface Asked {
  readonly method?: "GET" | "POST"
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** The answer, whatever its status. Fails with a Problem when there is no answer. */
export const send = async (path: string, asked: Asked = {}): Promise<Response> => {
  const response = await sendOnce(path, asked)
  if (response.status !== 401 || !session.value) return response
  // The session or the signing keys may have changed since the token was issued.
  await refresh()
  return session.value ? await sendOnce(path, asked) : response
}

const sendOnce = async (path: string, { method, body, headers, signal }: Asked) => {
  const token = await accessToken()
  return await fetch(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error) => {
    throw signal?.aborted ? error : noAnswer()
  })
}

/** The body of the answer. Fails with a Problem. */
export const call = async <A>(path: string, asked: Asked = {}): Promise<A> => {
  const response = await send(path, asked)
  if (!response.ok) throw await problemOf(response)
  return response.status === 204 ? undefined as A : await response.json()
}

type Query = Readonly<Record<string, string | number | null | undefined>>

/** The path with a query, without its empty values. */
export const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).filter(([, value]) =>
    value !== undefined && value !== null &&
    value !== ""
  ).map(([name, value]) => [name, String(value)])
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** An idempotency key. On plain HTTP, browsers offer no crypto.randomUUID. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
