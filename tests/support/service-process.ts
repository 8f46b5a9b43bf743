/**
 * The environment of a service that is a process of its own, and the public door in front of
 * several of them.
 */
import { gateway } from "#compose/embedded/gateway.ts"
import type { App } from "#shared/http/doors.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { addressName } from "#shared/config/addresses.ts"
import { type ServiceName, serviceNames } from "#shared/roster.ts"
import { plentyOfOrders } from "./plenty-of-orders.ts"

/** The ports of a process: the public one, if it has public routes, and the internal one. */
export interface Ports {
  readonly public: number
  readonly internal: number
}

export interface Surroundings {
  readonly ports: Ports
  readonly databaseUrl: string | undefined
  readonly queueUrl: string
  readonly queueStream: string
  readonly keysFolder: string
  /** The address of another service. */
  readonly address: (callee: ServiceName) => string
}

/** The environment of a service's process: from our own only what is needed to find programs. */
export const environmentOf = (
  name: ServiceName,
  { ports, databaseUrl, queueUrl, queueStream, keysFolder, address }: Surroundings,
): Record<string, string | undefined> => {
  const keys = keyFiles(keysFolder)
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: String(ports.public),
    HOST: "127.0.0.1",
    ...(name === "orders" && plentyOfOrders),
    INTERNAL_PORT: String(ports.internal),
    INTERNAL_HOST: "127.0.0.1",
    // No client sends requests to a service that is told to stop.
    DRAIN: "0 seconds",
    // All customers of a test have one address.
    SIGN_UPS_PER_ADDRESS: "1000000",
    SIGN_UPS_IN_ALL: "1000000",
    DATABASE_URL: databaseUrl,
    SERVICE_PRIVATE_KEY: keys.privateKey(name),
    SERVICE_PUBLIC_KEYS: keys.publicKeys,
    SIGNING_KEYS_SECRET_FILE: keys.signingKeysSecret,
    JWKS_URL: `${address("auth")}/internal/jwks.json`,
    QUEUE_URL: queueUrl,
    QUEUE_STREAM: queueStream,
    ...Object.fromEntries(serviceNames.map((callee) => [addressName(callee), address(callee)])),
  }
}

/**
 * The public paths, as a gateway routes them to public ports; `address` is called for each request.
 */
export const doorTo = (address: (name: ServiceName) => string): App => {
  const proxied = (name: ServiceName) => ({
    fetch: (request: Request) => {
      const { pathname, search } = new URL(request.url)
      return fetch(new Request(address(name) + pathname + search, request))
        .catch(() => new Response(null, { status: 502 }))
    },
  })
  const doors = Object.fromEntries(
    serviceNames.map((name) => [name, { public: proxied(name) }]),
  )
  return gateway(doors as Parameters<typeof gateway>[0])
}
