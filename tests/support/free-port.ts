/** TCP ports of 127.0.0.1 that were free a moment ago. */
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import type { Ports } from "./service-process.ts"

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** For both doors of a service. */
export const freePorts = async (): Promise<Ports> => ({
  public: await freePort(),
  internal: await freePort(),
})
