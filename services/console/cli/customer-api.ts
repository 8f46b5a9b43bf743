/** What a customer's program asks of the system, over its public API. */
import { Account } from "#shared/contracts/account.ts"
import { PublicKeys, TokenPair, User } from "#shared/contracts/auth.ts"
import { type NewOrder, OrderDetails, type OrderId, OrderView } from "#shared/contracts/order.ts"
import { call } from "./http.ts"

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The most seconds to wait for an order to become final. */
const waitSeconds = 10

/** The API at a URL that has no trailing slash; everything in it fails with ApiError. */
export const customerApi = (baseUrl: string) => ({
  /** Succeeds where an Unwind is up. */
  look: call(baseUrl, { path: "/.well-known/jwks.json", answer: PublicKeys }),
  signUp: (body: Credentials & { readonly email: string }) =>
    call(baseUrl, { path: "/api/auth/users/", body, answer: User }),
  logIn: (body: Credentials) => call(baseUrl, { path: "/api/token/", body, answer: TokenPair }),
  /** A new pair of tokens for a session; the one before is not good any more. */
  refresh: (refresh: string) =>
    call(baseUrl, { path: "/api/token/refresh/", body: { refresh }, answer: TokenPair }),
  account: (token: string, username: string) =>
    call(baseUrl, { path: `/api/accounts/${username}`, token, answer: Account }),
  /** Places an order and gives it when it is final, or as it is after ten seconds. */
  placeOrder: (token: string, body: NewOrder, key?: string) =>
    call(baseUrl, {
      path: "/api/orders/",
      token,
      body,
      headers: {
        prefer: `wait=${waitSeconds}`,
        ...(key !== undefined && { "idempotency-key": key }),
      },
      answer: OrderView,
    }),
  order: (token: string, id: OrderId) =>
    call(baseUrl, { path: `/api/orders/${id}`, token, answer: OrderDetails }),
})
