/** The public API as a customer's program calls it. */
import { Account } from "#shared/contracts/account.ts"
import { PublicKeys, TokenPair, User } from "#shared/contracts/auth.ts"
import { OrderDetails, OrderView } from "#shared/contracts/order-state.ts"
import type { NewOrder, OrderId } from "#shared/contracts/order.ts"
import { call } from "./http.ts"

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The most seconds to wait for an order to become final. */
const waitSeconds = 10

/** The API at a URL without a trailing slash. Every call fails with ApiError. */
export const customerApi = (baseUrl: string) => ({
  /** Succeeds where the system is up. */
  look: call(baseUrl, { path: "/.well-known/jwks.json", answer: PublicKeys }),
  signUp: (body: Credentials & { readonly email: string }) =>
    call(baseUrl, { path: "/api/auth/users/", body, answer: User }),
  logIn: (body: Credentials) => call(baseUrl, { path: "/api/token/", body, answer: TokenPair }),
  /** Replaces the tokens of a session; the old refresh token becomes invalid. */
  refresh: (refresh: string) =>
    call(baseUrl, { path: "/api/token/refresh/", body: { refresh }, answer: TokenPair }),
  account: (token: string, username: string) =>
    call(baseUrl, { path: `/api/accounts/${username}`, token, answer: Account }),
  /** Places an order, and returns it when it is final, or after ten seconds as it is then. */
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
