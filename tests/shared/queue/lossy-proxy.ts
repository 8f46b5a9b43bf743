/**
 * A proxy in front of a real Redis that loses one answer: Redis has executed the command by then,
 * and the client does not learn of it.
 */
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { Effect, type Scope } from "effect"

/** Which answer is lost: the first one with this text, or the first one after a request with it. */
type Lost = { readonly answerWith: string } | { readonly answerTo: string }

/** A way to the server on which this answer is lost, together with its connection. */
export const losing = (lost: Lost, server: string): Effect.Effect<URL, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let isLost = false
      let isAsked = false
      const isIt = (answer: Buffer) =>
        "answerTo" in lost ? isAsked : answer.includes(lost.answerWith)
      const target = new URL(server)
      const proxy = createServer((client) => {
        const upstream = connect(Number(target.port || 6379), target.hostname)
        client.on("data", (request) => {
          if ("answerTo" in lost && request.includes(lost.answerTo)) isAsked = true
          upstream.write(request)
        })
        upstream.on("data", (answer) => {
          if (isLost || !isIt(answer)) return client.write(answer)
          isLost = true
          client.destroy()
        })
        for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
          one.on("error", () => other.destroy())
          one.on("close", () => other.destroy())
        }
      }).listen(0, "127.0.0.1")
      await once(proxy, "listening")
      const address = proxy.address()
      const url = new URL(server)
      url.host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`
      return { proxy, url }
    }),
    ({ proxy }) => Effect.sync(() => proxy.close()),
  ).pipe(Effect.map(({ url }) => url))
