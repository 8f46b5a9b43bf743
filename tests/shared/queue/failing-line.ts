/**
 * A way to a real Redis on which commands fail, individually, also within a pipeline: before the
 * server gets one, or after it has executed one, whose answer is then lost. The connection, or the
 * HTTP request, ends with it.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { connect, createServer, type Server } from "node:net"
import { isGreeting, respCommands } from "#tests/support/resp-commands.ts"
import type { UpstashFront } from "#tests/support/upstash-front.ts"

export type Failure = "before" | "after"

export interface FailingLine {
  readonly url: URL
  /** The names of the commands so far. */
  readonly commands: ReadonlyArray<string>
}

/** What happens to the n-th command, counted from 1; greetings do not count. */
export type Fails = (nth: number) => Failure | undefined

const listening = (url: string, server: Server, commands: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      await once(server.listen(0, "127.0.0.1"), "listening")
      const near = new URL(url)
      near.port = String((server.address() as { port: number }).port)
      return { url: near, commands }
    }),
    () => Effect.sync(() => server.close()),
  )

/** For a Redis. */
export const failingRedis = (
  serverUrl: string,
  fails: Fails,
): Effect.Effect<FailingLine, never, Scope.Scope> => {
  const far = new URL(serverUrl)
  const commands: Array<string> = []
  const server = createServer((client) => {
    const upstream = connect(Number(far.port || 6379), far.hostname)
    const commandsIn = respCommands()
    const cut = () => {
      client.destroy()
      // Everything sent before is executed.
      upstream.end()
    }
    client.on("data", (chunk) => {
      for (const { name, bytes } of commandsIn(chunk)) {
        const failure = isGreeting(name) ? undefined : fails(commands.push(name))
        if (failure === "before") return cut()
        upstream.write(bytes)
        if (failure === "after") return cut()
      }
    })
    upstream.on("data", (answer) => client.destroyed || client.write(answer))
    client.on("error", () => {}).on("close", () => upstream.end())
    upstream.on("error", () => {}).on("close", () => client.destroy())
  })
  return listening(serverUrl, server, commands)
}

/** For Upstash's front of a Redis. */
export const failingFront = (
  { url, token }: Pick<UpstashFront, "url" | "token">,
  fails: Fails,
): Effect.Effect<FailingLine, never, Scope.Scope> => {
  const commands: Array<string> = []
  const server = createHttpServer(async (request, response) => {
    const all: ReadonlyArray<ReadonlyArray<string>> = await new Response(request as never).json()
    const failures = all.map(([name]) => fails(commands.push(name!)))
    const at = failures.findIndex((failure) => failure !== undefined)
    const sent = at < 0 ? all : all.slice(0, failures[at] === "before" ? at : at + 1)
    const answer = sent.length === 0 ? undefined : await fetch(`${url}/pipeline`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "upstash-encoding": String(request.headers["upstash-encoding"]),
      },
      body: JSON.stringify(sent),
    })
    const text = await answer?.text()
    if (at < 0) response.end(text)
    else response.destroy()
  })
  return listening(url, server, commands)
}
