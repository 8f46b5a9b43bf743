/** The customers of a load: new users, whose wallets suffice for their orders. */
import { Effect } from "effect"
import { customerApi } from "../customer-api.ts"
import type { ApiError } from "../http.ts"

export interface Customer {
  readonly username: string
  /** The current access token. */
  readonly token: () => string
  /** Replaces the access token, unless another request has already replaced the `stale` one. */
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
