/** Free ports for processes that start and end repeatedly. */
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:net"
import type { Ports } from "#tests/support/service-process.ts"

const taken = new Set<number>()

/**
 * A port below those that systems use for outgoing connections: a replica that is down must find
 * its port free again.
 */
export const freePort: Effect.Effect<number> = Effect.promise(async () => {
  while (true) {
    const port = 15_000 + Math.floor(Math.random() * 15_000)
    if (taken.has(port)) continue
    const server = createServer().listen(port, "127.0.0.1")
    const free = await once(server, "listening").then(() => true, () => false)
    server.close()
    if (free) {
      taken.add(port)
      return port
    }
  }
})

/** Ports for both doors of a service. */
export const freePorts: Effect.Effect<Ports> = Effect.all({ public: freePort, internal: freePort })
