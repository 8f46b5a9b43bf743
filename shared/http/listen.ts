/**
 * Serves an app on a port with Node's HTTP server, on Deno too: Deno's own has no time limit for a connection that is
 * idle, or a request that never ends. Closing stops taking connections, lets the requests in flight finish, and cuts what
 * is still open after five seconds.
 */
import { getRequestListener, RequestError } from "@hono/node-server"
import { Effect, Latch, Schema, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { cameByTls, strictTransport } from "./answer-headers.ts"
import type { App, Bindings } from "./app.ts"
import { shareConnections, tooManyConnections } from "./connection-share.ts"
import { isDenoServe } from "./deno-serve.ts"
import { CurrentDrain } from "./drain.ts"
import { internalError, malformedRequest, problemResponse } from "./problem.ts"
import { makeOneByOne } from "./one-by-one.ts"
import { answerWithProblems, refusalOf } from "./refusals.ts"
import { requestIdOf } from "./request-origin.ts"

/** The port cannot be listened on; the message says why and what to do. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  message: Schema.String,
}) {}

const cause = (error: unknown, { host, port, prefix = "" }: ListenOptions): ListenError => {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === "EADDRINUSE" || /address in use|AddrInUse/i.test(message)
    ? `Port ${port} is in use: stop what uses it or set ${prefix}PORT to another one`
    : code === "EACCES" || /permission denied/i.test(message)
    ? `Port ${port} needs rights that this user does not have: set ${prefix}PORT to one above 1023`
    : `Cannot listen on ${host}:${port} (${
      code ?? message
    }): set ${prefix}HOST and ${prefix}PORT to an address of this machine`
  return new ListenError({ message: why })
}

const graceMs = 5_000

/** Longer than usual proxies keep theirs (60 s, 90 s): of two ends, the one that sends requests has to close first. */
export const defaultKeepAliveMs = 95_000

export interface ListenOptions {
  readonly host: string
  /** 0 for one of the system's choice. */
  readonly port: number
  /** What the names of the settings begin with that say host and port. */
  readonly prefix?: "" | "INTERNAL_"
  /** How long a connection may be idle after a request. */
  readonly keepAliveMs?: number
  /** The most connections to hold, of which an address has at most half; one more of all is closed at once, unanswered. */
  readonly maxConnections?: number
  /** Whether to believe the proxy in front that it was asked by TLS. */
  readonly trustProxy?: boolean
  /** How long a request may take to arrive, from the connection's first moment to the end of its body. */
  readonly arrivalMs?: number
}

/**
 * Listens until the scope closes; succeeds with the port. From the moment that the process is told to stop, every answer
 * is the last one on its connection. Requests that only wait for something are told when it closes.
 */
export const listen = (
  app: Pick<App, "fetch">,
  options: ListenOptions,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const closing = yield* Latch.make()
    const drain = yield* CurrentDrain
    const told = { closing: closing.await }
    const answer: Answer = async (request, outgoing, from) => {
      const response = await app.fetch(request, { ...told, draining: drain.begun, ...from })
      if (response.status === 0) return cutOff(outgoing)
      if (drain.begun || closing.isOpen()) outgoing.setHeader("connection", "close")
      return response
    }
    const server = yield* Effect.acquireRelease(
      open(answer, options),
      (server) => Effect.andThen(closing.open, Effect.promise(() => close(server))),
    )
    return (server.address() as { port: number }).port
  })

/** A network error (Response.error()) is no answer at all; what is given for it goes nowhere. */
const cutOff = (outgoing: ServerResponse): Response => {
  outgoing.destroy()
  return new Response()
}

type Answer = (
  request: Request,
  outgoing: ServerResponse,
  from: Pick<Bindings, "remoteAddress" | "onClose">,
) => Promise<Response>

const open = (answer: Answer, options: ListenOptions) => {
  const { host, port, keepAliveMs = defaultKeepAliveMs, arrivalMs = 30_000 } = options
  const { maxConnections = 10_000, trustProxy = false } = options
  return Effect.tryPromise({
    try: () =>
      new Promise<Server>((resolve, reject) => {
        const server = createServer(
          {
            keepAliveTimeout: keepAliveMs,
            headersTimeout: arrivalMs,
            requestTimeout: arrivalMs,
            connectionsCheckingInterval: arrivalMs / 6,
            // Missed by us, with a problem.
            requireHostHeader: false,
          },
          (...request) => listener(...request),
        )
        const isOverShare = shareConnections(server, maxConnections)
        const listener = listenerOf(answer, { isOverShare, trustProxy })
        server.maxConnections = maxConnections
        answerWithProblems(server)
        server.once("error", reject)
        server.listen(port, host, () => resolve(server))
      }),
    catch: (error) => cause(error, options),
  })
}

interface ListenerOptions {
  readonly isOverShare: ReturnType<typeof shareConnections>
  readonly trustProxy: boolean
}

const listenerOf = (answer: Answer, { isOverShare, trustProxy }: ListenerOptions) => {
  const oneByOne = makeOneByOne()
  return getRequestListener(
    (request, { incoming, outgoing }) => {
      if (trustProxy && cameByTls(request.headers.get("x-forwarded-proto"))) {
        ;(outgoing as ServerResponse).setHeader(strictTransport.name, strictTransport.value)
      }
      const refused = isOverShare(incoming.socket)
        ? tooManyConnections
        : refusalOf(incoming as IncomingMessage)
      if (refused !== undefined) return problemResponse(refused, requestIdOf(request))
      return oneByOne(
        incoming.socket,
        outgoing as ServerResponse,
        () =>
          answer(request, outgoing as ServerResponse, {
            remoteAddress: incoming.socket.remoteAddress,
            // The request's own signal would cost as much as to find out who the caller is.
            onClose: (closed) => outgoing.once("close", closed),
          }),
      )
    },
    {
      // For health checks in HTTP/1.0, which need not send a Host.
      hostname: "localhost",
      // Its light Response in place of the global one is none to Deno's own server, which has the public port then.
      overrideGlobalObjects: !isDenoServe(),
      errorHandler: (error) =>
        problemResponse(
          error instanceof RequestError ? malformedRequest : internalError,
          crypto.randomUUID(),
        ),
    },
  )
}

const close = async (server: Server) => {
  // Right after the event loop has taken what connected: what it has not when the port closes is lost.
  await new Promise((taken) => setImmediate(taken))
  await new Promise<void>((resolve) => {
    // Keep-alive sockets would hold the server open for seconds after their last request.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
