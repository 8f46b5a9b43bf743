/**
 * Serves an app on a port, with Deno's own server or with Node's. Closing stops taking connections, lets the requests in
 * flight finish, and cuts what is still open after five seconds.
 */
import { createAdaptorServer } from "@hono/node-server"
import { Effect, Latch, Schema, type Scope } from "effect"
import type { Server } from "node:http"
import type { App, Bindings } from "./app.ts"

/** The port cannot be listened on; the message says why and what to do. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  message: Schema.String,
}) {}

const cause = (error: unknown, host: string, port: number): ListenError => {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === "EADDRINUSE" || /address in use|AddrInUse/i.test(message)
    ? `Port ${port} is in use: stop what uses it or set PORT to another one`
    : code === "EACCES" || /permission denied/i.test(message)
    ? `Port ${port} needs rights that this user does not have: set PORT to one above 1023`
    : `Can not listen on ${host}:${port} (${
      code ?? message
    }): set HOST and PORT to an address of this machine`
  return new ListenError({ message: why })
}

const graceMs = 5_000

/**
 * Listens until the scope closes; succeeds with the port, which is the system's choice for port 0. Requests that only wait
 * for something are told when it closes.
 */
export const listen = (
  app: Pick<App, "fetch">,
  { host, port }: { readonly host: string; readonly port: number },
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const closing = yield* Latch.make()
    const fetch: Answer = (request, told) => app.fetch(request, { closing: closing.await, ...told })
    const open = "Deno" in globalThis ? listenDeno : listenNode
    const openPort = yield* open(fetch, host, port)
    // Registered last, so it runs before the server waits for its requests.
    yield* Effect.addFinalizer(() => closing.open)
    return openPort
  })

type Answer = (
  request: Request,
  told: Pick<Bindings, "remoteAddress" | "onClose">,
) => Response | Promise<Response>

const listenNode = (answer: Answer, host: string, port: number) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        new Promise<Server>((resolve, reject) => {
          const server = createAdaptorServer({
            fetch: (request, { incoming, outgoing }) =>
              answer(request, {
                remoteAddress: incoming.socket.remoteAddress,
                // The request's own signal would cost as much as to find out who the caller is.
                onClose: (closed) => outgoing.once("close", closed),
              }),
          }) as Server
          server.requestTimeout = 30_000
          server.once("error", reject)
          server.listen(port, host, () => resolve(server))
        }),
      catch: (error) => cause(error, host, port),
    }),
    (server) => Effect.promise(() => closeNode(server)),
  ).pipe(Effect.map((server) => (server.address() as { port: number }).port))

const closeNode = (server: Server) =>
  new Promise<void>((resolve) => {
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

/** The part of Deno's API that is used here; the sources are checked by tsc as well, which does not know it. */
interface DenoServe {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname?: string } },
    ) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> }
}

const listenDeno = (answer: Answer, host: string, port: number) =>
  Effect.acquireRelease(
    Effect.try({
      try: () =>
        (globalThis as unknown as { Deno: DenoServe }).Deno.serve(
          { port, hostname: host, onListen: () => {} },
          (request, { remoteAddr: { hostname } }) => answer(request, { remoteAddress: hostname }),
        ),
      catch: (error) => cause(error, host, port),
    }),
    (server) => Effect.promise(() => server.shutdown()).pipe(Effect.timeoutOption(graceMs)),
  ).pipe(Effect.map((server) => server.addr.port))
