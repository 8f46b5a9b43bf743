/**
 * A Redis, or Upstash's front of one, that refuses every command with the message that a test gives
 * it.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { createServer as createTcpServer, type Server } from "node:net"
import { isGreeting, respCommands } from "./resp-commands.ts"

/** Starts it, until the scope closes. Greetings are answered. */
export const refusing = (
  scheme: "redis" | "http",
  refusal: string,
): Effect.Effect<{ readonly url: string }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server: Server = scheme === "redis"
        ? createTcpServer((socket) => {
          const commandsIn = respCommands()
          socket.on("error", () => {}).on("data", (chunk) => {
            for (const { name } of commandsIn(chunk)) {
              socket.write(isGreeting(name) ? "+OK\r\n" : `-${refusal}\r\n`)
            }
          })
        })
        : createHttpServer(async (request, response) => {
          const body = await new Response(request as never).json()
          response.end(JSON.stringify(body.map(() => ({ error: refusal }))))
        })
      await once(server.listen(0, "127.0.0.1"), "listening")
      return { server, url: `${scheme}://127.0.0.1:${(server.address() as { port: number }).port}` }
    }),
    ({ server }) => Effect.sync(() => server.close()),
  )
