/** The public routes of the console, where customers only learn that they are not operators. */
import type { PublicRoute } from "./routes.ts"

const nobodys = "00000000-0000-7000-8000-000000000000"

const paths: ReadonlyArray<readonly [method: PublicRoute["method"], path: string]> = [
  ["GET", "/api/console/me"],
  ["GET", "/api/console/overview"],
  ["GET", "/api/console/events"],
  ["GET", "/api/console/orders"],
  ["GET", "/api/console/orders/{id}"],
  ["GET", "/api/console/orders/{id}/events"],
  ["POST", "/api/console/orders/{id}/cancel"],
  ["GET", "/api/console/stuck"],
  ["GET", "/api/console/sagas"],
  ["POST", "/api/console/retry"],
  ["GET", "/api/console/queue"],
  ["GET", "/api/console/dead-letters"],
  ["POST", "/api/console/dead-letters/redrive"],
  ["POST", "/api/console/dead-letters/discard"],
  ["GET", "/api/console/stock/{participant}"],
  ["GET", "/api/console/stock/{participant}/adjustments"],
  ["POST", "/api/console/stock/{participant}/adjustments"],
  ["GET", "/api/console/audit"],
  ["POST", "/api/console/audit/heal"],
]

export const consoleRoutes: ReadonlyArray<PublicRoute> = paths.map(([method, path]) => ({
  method,
  path,
  example: () => path.replace("{id}", nobodys).replace("{participant}", "items"),
  needsToken: true,
}))
