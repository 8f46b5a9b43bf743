/** TLS to PostgreSQL as libpq's parameters configure it, and the socket that results. */
import { readFileSync } from "node:fs"
import { connect, isIP, type Socket } from "node:net"
import { connect as startTls, type ConnectionOptions } from "node:tls"

export interface Tls {
  readonly options: ConnectionOptions
  /** Continues in plain text if the server has no TLS. */
  readonly optional: boolean
  /** Starts TLS without an SSLRequest (PostgreSQL 17). */
  readonly direct: boolean
}

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

/**
 * The TLS options from sslmode and related parameters; undefined without an sslmode. `take` returns
 * a parameter; what is wrong is appended to `problems`. As in libpq, `require` checks the
 * certificate if a CA is given. Without one, the runtime's CAs are trusted.
 */
export const tlsOf = (
  take: (name: string) => string | undefined,
  problems: Array<string>,
): Tls | undefined => {
  // JDBC's parameter, which libpq accepts, too.
  const ssl = take("ssl")
  if (ssl !== undefined && ssl !== "true") problems.push("ssl: use sslmode instead")
  const root = take("sslrootcert")
  const file = (name: string, path: string | undefined) => {
    try {
      return path === undefined ? {} : { [name]: readFileSync(path) }
    } catch (error) {
      problems.push(`sslrootcert, sslcert and sslkey are files: ${(error as Error).message}`)
      return {}
    }
  }
  const mode = take("sslmode") ?? (root === "system" ? "verify-full" : ssl && "require")
  const negotiation = take("sslnegotiation") ?? "postgres"
  const options = {
    ...file("ca", root === "system" ? undefined : root),
    ...file("cert", take("sslcert")),
    ...file("key", take("sslkey")),
  }
  if (mode !== undefined && !modes.includes(mode)) {
    problems.push(`sslmode=${mode}: use one of ${modes.join(", ")}`)
  }
  if (root === "system" && mode !== "verify-full" && mode !== "disable") {
    problems.push(`sslmode=${mode} with sslrootcert=system: use sslmode=verify-full`)
  }
  if (!["postgres", "direct"].includes(negotiation)) {
    problems.push(`sslnegotiation=${negotiation}: use postgres or direct`)
  }
  if (mode === undefined && Object.keys(options).length > 0) {
    problems.push("sslrootcert, sslcert and sslkey need an sslmode: add sslmode=verify-full")
  }
  if (mode === undefined || mode === "disable") return undefined
  const checks = mode.startsWith("verify") || (mode === "require" && root !== undefined)
  return {
    options: {
      ...options,
      rejectUnauthorized: checks,
      ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    },
    optional: mode === "allow" || mode === "prefer",
    direct: negotiation === "direct",
  }
}

/**
 * The sockets to a server: the lower one, available at once, and the one that carries the protocol.
 */
export const socketTo = (
  { path, host, port, tls }: {
    readonly path: string | undefined
    readonly host: string
    readonly port: number
    readonly tls: Tls | undefined
  },
): { readonly below: Socket; readonly above: Socket | Promise<Socket> } => {
  const below = path === undefined ? connect(port, host) : connect(path)
  return { below, above: tls === undefined ? below : secured(below, host, tls) }
}

/** The message SSLRequest, and the answer of a server that has TLS. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const yes = "S".charCodeAt(0)

const secured = async (below: Socket, host: string, tls: Tls): Promise<Socket> => {
  await next(below, "connect")
  if (!tls.direct) {
    below.write(sslRequest)
    const answer = await next(below, "data") as Buffer
    if (answer[0] !== yes && tls.optional) return below
    if (answer[0] !== yes) {
      throw Object.assign(new Error("the server has no TLS, but sslmode requires it"), {
        code: "NO_TLS",
      })
    }
  }
  const above = startTls({
    ...tls.options,
    ...(tls.direct ? { ALPNProtocols: ["postgresql"] } : {}),
    ...(isIP(host) ? {} : { servername: host }),
    socket: below,
  })
  await next(above, "secureConnect")
  return above
}

const next = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once("error", reject)
    socket.once("close", () =>
      reject(Object.assign(new Error("The connection broke"), { code: "CONNECTION_CLOSED" })))
  })
