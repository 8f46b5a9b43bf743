/** The customers of a load: users who signed up for it, each with a wallet that lasts for its orders. */
import { Effect } from "effect"
import { customerApi } from "../customer-api.ts"
import type { ApiError } from "../http.ts"

export interface Customer {
  readonly username: string
  /** The access token, as it is now. */
  readonly token: () => string
  /** Gets another one, unless another request has done that since this one was taken. */
  readonly renew: (stale: string) => Effect.Effect<void, ApiError>
}

/** Signs a customer up and in. */
export const newCustomer = (baseUrl: string): Effect.Effect<Customer, ApiError> =>
  Effect.gen(function* () {
    const { signUp, logIn, refresh } = customerApi(baseUrl)
    const username = `load-${crypto.randomUUID().slice(0, 13)}`
    const credentials = { username, password: crypto.randomUUID() }
    yield* signUp({ ...credentials, email: `${username}@example.com` })
    let pair = yield* logIn(credentials)
    return {
      username,
      token: () => pair.access,
      renew: (stale) =>
        pair.access !== stale ? Effect.void : refresh(pair.refresh).pipe(
          Effect.catch(() => logIn(credentials)),
          Effect.map((renewed) => void (pair = renewed)),
        ),
    } satisfies Customer
  })
