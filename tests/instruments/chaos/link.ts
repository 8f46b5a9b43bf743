/**
 * A TCP path between two parts of the system that a fault can cut, slow down or silence. It
 * forwards each connection to the next of its targets in turn, and skips a target that refuses, as
 * a load balancer does.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { setTimeout as pause } from "node:timers/promises"

export interface Link {
  readonly port: number
  /** Breaks its connections, and refuses new ones. */
  readonly cut: Effect.Effect<void>
  /** Delivers everything this many milliseconds later, in both directions. */
  readonly slow: (ms: number) => Effect.Effect<void>
  /** Delivers nothing more; connections are accepted, and never answered. */
  readonly silence: Effect.Effect<void>
  /** Works again. Connections that were silent are broken. */
  readonly mend: Effect.Effect<void>
}

const localhost = "127.0.0.1"

/**
 * Opens a link to these ports of this machine until the scope closes. Dies if its own port is
 * taken; 0 takes a free one.
 */
export const openLink = (
  targets: ReadonlyArray<number>,
  port: number,
): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => open(targets, port)),
    ({ close }) => Effect.sync(close),
  )

const open = async (targets: ReadonlyArray<number>, port: number) => {
  const sockets = new Set<Socket>()
  let silent = false
  let delayMs = 0
  let turn = 0

  const follow = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    // The close that follows an error is handled.
    return socket.setNoDelay(true).on("error", () => {})
  }

  const dial = async (): Promise<Socket | undefined> => {
    const first = turn++
    for (let n = 0; n < targets.length; n++) {
      const target = targets[(first + n) % targets.length]!
      const socket = follow(connect({ port: target, host: localhost, allowHalfOpen: true }))
      const connected = await new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true)).once("close", () => resolve(false))
      })
      if (connected) return socket
    }
  }

  /** Forwards what comes from one side, in order. */
  const forward = (from: Socket, to: Socket) => {
    let waiting = 0
    let last: Promise<unknown> = Promise.resolve()
    const later = (act: () => void) => {
      if (silent) return
      if (delayMs === 0 && waiting === 0) return act()
      waiting++
      last = Promise.all([last, pause(delayMs)]).then(() => {
        waiting--
        if (!silent) act()
      })
    }
    from.on("data", (chunk) => later(() => to.write(chunk)))
    from.on("end", () => later(() => to.end()))
    from.on("close", (broken) => later(() => broken ? to.destroy() : to.end()))
  }

  const joined = async (client: Socket) => {
    follow(client)
    if (silent) return
    const target = await dial()
    if (target === undefined) return client.destroy()
    if (client.destroyed) return target.destroy()
    forward(client, target)
    forward(target, client)
  }

  const server: Server = createServer({ allowHalfOpen: true }, (client) => void joined(client))
  const listen = async (at: number) => {
    server.listen(at, localhost)
    await once(server, "listening")
    return (server.address() as { port: number }).port
  }
  const breakAll = () => sockets.forEach((socket) => socket.destroy())
  const ownPort = await listen(port)
  const close = () => {
    server.close()
    breakAll()
  }
  return {
    port: ownPort,
    cut: Effect.sync(close),
    slow: (ms: number) => Effect.sync(() => delayMs = ms),
    silence: Effect.sync(() => silent = true),
    mend: Effect.promise(async () => {
      delayMs = 0
      if (silent) breakAll()
      silent = false
      if (!server.listening) await listen(ownPort)
    }),
    close,
  }
}
