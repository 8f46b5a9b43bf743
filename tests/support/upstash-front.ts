/** Upstash's REST protocol in front of a real Redis, for tests of Upstash's clients. */
import { once } from "node:events"
import { createAdaptorServer } from "@hono/node-server"
import { redisBehind, upstashApp } from "#compose/upstash/app.ts"

export interface UpstashFront {
  readonly url: string
  readonly token: string
  readonly stop: () => Promise<void>
}

/** Starts a front for the Redis at the URL, on a free port of 127.0.0.1. */
export const startUpstashFront = async (
  redisUrl: string,
  token: string = crypto.randomUUID(),
): Promise<UpstashFront> => {
  const redis = redisBehind(redisUrl)
  const server = createAdaptorServer(upstashApp(redis, token)).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("there is no free port")
  const stop = async () => {
    redis.disconnect()
    const closed = once(server, "close")
    server.close()
    if ("closeAllConnections" in server) server.closeAllConnections()
    await closed
  }
  return { url: `http://127.0.0.1:${address.port}`, token, stop }
}
