/** The customers of a load: new users, who order over the public API. */
import { newKey } from "./api.ts"
import { noAnswer, problemOf } from "./problem.ts"
import { post, type Tokens } from "./session.ts"

export interface Customer {
  readonly username: string
  /**
   * Sends a request as the customer; with a body, a POST. Fails with a Problem, once with 401 when
   * the token has expired.
   */
  readonly ask: <A>(path: string, asked?: Asked) => Promise<A>
}

interface Asked {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The most connections of a load. Browsers open six to a host over HTTP/1.1, and the page's own
 * streams and requests need the others.
 */
const mostConnections = 3

let free = mostConnections
const waiting: Array<() => void> = []

const connected = async <A>(ask: () => Promise<A>): Promise<A> => {
  if (free > 0) free--
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    return await ask()
  } finally {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
}

/** Signs up a customer. Only this page knows the password. */
export const newCustomer = async (): Promise<Customer> => {
  const username = `load-${newKey().slice(0, 13)}`
  const credentials = { username, password: newKey() }
  await connected(() =>
    post("/api/auth/users/", { ...credentials, email: `${username}@example.com` })
  )
  let signedIn: Promise<string> | undefined
  const token = () =>
    signedIn ??= connected(() => post<Tokens>("/api/token/", credentials)).then(
      ({ access }) => access,
    ).catch((error) => {
      signedIn = undefined
      throw error
    })
  return {
    username,
    ask: async (path, { body, headers } = {}) => {
      const authorization = `Bearer ${await token()}`
      return await connected(async () => {
        const response = await fetch(path, {
          headers: { "content-type": "application/json", authorization, ...headers },
          ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
        }).catch(() => {
          throw noAnswer()
        })
        if (response.status === 401) signedIn = undefined
        if (!response.ok) throw await problemOf(response)
        return await response.json()
      })
    },
  }
}
