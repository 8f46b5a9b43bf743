/** Every public route and a valid request to it, for tests that get one thing wrong at a time. */
import type { Customer } from "./client.ts"
import { consoleRoutes } from "./console-routes.ts"

export interface PublicRoute {
  readonly method: "GET" | "POST" | "DELETE"
  /** As in the documentation. */
  readonly path: string
  /** The same path for a customer who may use it. */
  readonly example: (customer: Customer) => string
  readonly needsToken: boolean
  readonly body?: Readonly<Record<string, unknown>>
}

const nobodys = "00000000-0000-7000-8000-000000000000"

export const publicRoutes: ReadonlyArray<PublicRoute> = [
  {
    method: "POST",
    path: "/api/auth/users/",
    example: () => "/api/auth/users/",
    needsToken: false,
    body: { username: "never", password: "signed up by a test", email: "never@example.com" },
  },
  {
    method: "GET",
    path: "/api/auth/users/me/",
    example: () => "/api/auth/users/me/",
    needsToken: true,
  },
  {
    method: "POST",
    path: "/api/token/",
    example: () => "/api/token/",
    needsToken: false,
    body: { username: "never", password: "signed up by a test" },
  },
  {
    method: "POST",
    path: "/api/token/refresh/",
    example: () => "/api/token/refresh/",
    needsToken: false,
    body: { refresh: "a token" },
  },
  {
    method: "POST",
    path: "/api/token/verify/",
    example: () => "/api/token/verify/",
    needsToken: false,
    body: { token: "a token" },
  },
  {
    method: "POST",
    path: "/api/token/logout/",
    example: () => "/api/token/logout/",
    needsToken: false,
    body: { refresh: "a token" },
  },
  {
    method: "POST",
    path: "/api/token/first-operator/",
    example: () => "/api/token/first-operator/",
    needsToken: false,
    body: { token: "printed-nowhere" },
  },
  {
    method: "GET",
    path: "/api/auth/sessions/",
    example: () => "/api/auth/sessions/",
    needsToken: true,
  },
  {
    method: "DELETE",
    path: "/api/auth/sessions/",
    example: () => "/api/auth/sessions/",
    needsToken: true,
  },
  {
    method: "DELETE",
    path: "/api/auth/sessions/{id}/",
    example: () => `/api/auth/sessions/${nobodys}/`,
    needsToken: true,
  },
  {
    method: "POST",
    path: "/api/auth/users/me/password/",
    example: () => "/api/auth/users/me/password/",
    needsToken: true,
    body: { password: "a wrong guess", newPassword: "never changed by a test" },
  },
  {
    method: "POST",
    path: "/api/auth/users/me/delete/",
    example: () => "/api/auth/users/me/delete/",
    needsToken: true,
    body: { password: "a wrong guess" },
  },
  {
    method: "GET",
    path: "/.well-known/jwks.json",
    example: () => "/.well-known/jwks.json",
    needsToken: false,
  },
  {
    method: "GET",
    path: "/api/accounts/{username}",
    example: ({ username }) => `/api/accounts/${username}`,
    needsToken: true,
  },
  {
    method: "POST",
    path: "/api/orders/",
    example: () => "/api/orders/",
    needsToken: true,
    body: { amount: 101, item: 10, slot: "09:00" },
  },
  { method: "GET", path: "/api/orders/", example: () => "/api/orders/", needsToken: true },
  {
    method: "GET",
    path: "/api/orders/{id}",
    example: () => `/api/orders/${nobodys}`,
    needsToken: true,
  },
  {
    method: "GET",
    path: "/api/orders/{id}/events",
    example: () => `/api/orders/${nobodys}/events`,
    needsToken: true,
  },
  {
    method: "POST",
    path: "/api/orders/{id}/cancel",
    example: () => `/api/orders/${nobodys}/cancel`,
    needsToken: true,
  },
  ...consoleRoutes,
]

export const routesWithBody = publicRoutes.flatMap(({ body, ...route }) =>
  body === undefined ? [] : [{ ...route, body }]
)

/** The methods at a path, as in the Allow header. */
export const allowedAt = (path: string): ReadonlyArray<string> =>
  publicRoutes.filter((route) => route.path === path)
    .flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method])
