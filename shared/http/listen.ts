/**
 * Serves an app on a port with Node's HTTP server, on Deno too: Deno's own has no timeout for idle
 * connections or for requests that never end. Closing stops accepting connections, lets requests in
 * flight finish, and destroys what is still open after five seconds.
 */
import { getRequestListener, RequestError } from "@hono/node-server"
import { Effect, Latch, Schema, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { cameByTls, strictTransport } from "./answer-headers.ts"
import type { App, Bindings } from "./doors.ts"
import { shareConnections, tooManyConnections } from "./connection-share.ts"
import { isDenoServe } from "./deno-serve.ts"
import { CurrentDrain } from "./drain.ts"
import { internalError, malformedRequest, problemResponse } from "./problem.ts"
import { makeOneByOne } from "./one-by-one.ts"
import { answerWithProblems, refusalOf } from "./refusals.ts"
import { requestIdOf } from "./request-origin.ts"

/** The port cannot be opened; the message says why and what to do. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  message: Schema.String,
}) {}

const cause = (error: unknown, { host, port, prefix = "" }: ListenOptions): ListenError => {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === "EADDRINUSE" || /address in use|AddrInUse/i.test(message)
    ? `Port ${port} is in use: stop what uses it or set ${prefix}PORT to another one`
    : code === "EACCES" || /permission denied/i.test(message)
    ? `Port ${port} needs privileges that this user lacks: set ${prefix}PORT to one above 1023`
    : `Cannot listen on ${host}:${port} (${
      code ?? message
    }): set ${prefix}HOST and ${prefix}PORT to an address of this machine`
  return new ListenError({ message: why })
}

const graceMs = 5_000

/**
 * Longer than common proxies use (60 s, 90 s): the end that sends requests must be the first to
 * close an idle connection.
 */
export const defaultKeepAliveMs = 95_000

export interface ListenOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** The prefix of the settings HOST and PORT, for messages. */
  readonly prefix?: "" | "INTERNAL_"
  /** How long a connection may be idle after a request. */
  readonly keepAliveMs?: number
  /**
   * The most open connections, of which one address has at most half. One above the limit is closed
   * at once, unanswered.
   */
  readonly maxConnections?: number
  /** Whether to trust the X-Forwarded-Proto of the proxy in front. */
  readonly trustProxy?: boolean
  /**
   * How long a request may take to arrive, from the start of the connection to the end of the body.
   */
  readonly arrivalMs?: number
}

/**
 * Listens until the scope closes; succeeds with the port. Once the process is told to stop, each
 * answer is the last one on its connection. Requests that only wait learn of the closing by
 * `closing`.
 */
export const listen = (
  app: Pick<App, "fetch">,
  options: ListenOptions,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const closing = yield* Latch.make()
    const drain = yield* CurrentDrain
    const told = { closing: closing.await }
    const answer: Answerer = async (request, outgoing, from) => {
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

/**
 * A network error (Response.error()) destroys the connection; the response returned here is never
 * sent.
 */
const cutOff = (outgoing: ServerResponse): Response => {
  outgoing.destroy()
  return new Response()
}

type Answerer = (
  request: Request,
  outgoing: ServerResponse,
  from: Pick<Bindings, "remoteAddress" | "onClose">,
) => Promise<Response>

const open = (answer: Answerer, options: ListenOptions) => {
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
            // `refusalOf` checks the Host and answers with a problem.
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

const listenerOf = (answer: Answerer, { isOverShare, trustProxy }: ListenerOptions) => {
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
            // The request's own signal costs as much as authenticating the caller.
            onClose: (closed) => outgoing.once("close", closed),
          }),
      )
    },
    {
      // HTTP/1.0 health checks may omit the Host.
      hostname: "localhost",
      // The lightweight Response that would replace the global one is not accepted by Deno's own
      // server, which then has the public port.
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
  // The event loop first accepts pending connections: one that is not accepted when the port closes
  // is lost.
  await new Promise((taken) => setImmediate(taken))
  await new Promise<void>((resolve) => {
    // Idle keep-alive sockets would keep the server open for seconds.
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
