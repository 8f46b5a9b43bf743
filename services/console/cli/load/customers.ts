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

/** A wallet holds 100.00 at first, and an order of a load costs 0.01: with a reserve for what is undone later. */
export const ordersOfCustomer = 8_000
/** A customer may place 10 in a second where nothing else is set (ORDERS_PER_SECOND). */
const perSecondOfCustomer = 5
/** As many may sign up from one address at once, with some room for others. */
export const mostCustomers = 200

/** How many customers so many orders need, at so many a second. */
export const customersFor = (orders: number, perSecond: number): number =>
  Math.min(
    mostCustomers,
    Math.max(4, Math.ceil(orders / ordersOfCustomer), Math.ceil(perSecond / perSecondOfCustomer)),
  )

export const mostPerSecond = mostCustomers * perSecondOfCustomer

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
