/**
 * The limits of Compose's gateway for one address. nginx reads them; the setup checks them before
 * anything is started.
 */
import { whole } from "#shared/config/settings.ts"

export const gatewaySettings = {
  GATEWAY_REQUESTS_PER_SECOND: whole(
    "the requests that one address may send in a second",
    { minimum: 1, maximum: 1_000_000 },
    200,
  ),
  GATEWAY_BURST: whole(
    "the burst of requests that one address may send above that rate",
    { minimum: 0, maximum: 1_000_000 },
    1_000,
  ),
  GATEWAY_CONNECTIONS: whole(
    "the requests that one address may have in flight, including event streams",
    { minimum: 1, maximum: 65_535 },
    500,
  ),
}
