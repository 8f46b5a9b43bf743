/**
 * A line to PostgreSQL that reads along: which statements a service has executed, how many
 * transactions the server has committed for it, and the server's notices. It parses PostgreSQL's
 * own protocol, so it is exact, and needs no help from the service or the server.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

export interface TappedPostgres {
  /** The server's URL, but over this line. */
  readonly url: string
  /** The statements that were executed so far, in the order in which they were sent. */
  readonly statements: ReadonlyArray<string>
  /** Transactions that were committed so far; a statement outside of one counts as one. */
  readonly commits: () => number
  /** The server's notices so far. */
  readonly notices: ReadonlyArray<string>
  /** Whether every connection is out of a transaction and waits for no answer. */
  readonly isIdle: () => boolean
}

interface Record {
  readonly statements: Array<string>
  commits: number
  readonly notices: Array<string>
  readonly connections: Set<Connection>
}

interface Connection {
  /** The answers that are still to come; the first one is that the client may begin. */
  awaited: number
  inTransaction: boolean
}

/** Opens the line, until the scope closes. */
export const tapPostgres = (
  serverUrl: string,
): Effect.Effect<TappedPostgres, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const url = new URL(serverUrl)
      const { hostname, port } = url
      const record: Record = { statements: [], commits: 0, notices: [], connections: new Set() }
      const sockets = new Set<Socket>()
      const keep = (socket: Socket) => {
        sockets.add(socket)
        return socket.on("error", () => {}).on("close", () => sockets.delete(socket))
      }
      const server = createServer({ noDelay: true }, (near) => {
        const connection: Connection = { awaited: 1, inTransaction: false }
        record.connections.add(connection)
        const there = keep(connect({ port: Number(port), host: hostname, noDelay: true }))
        keep(near).on("data", messages(false, requests(record, connection)))
        there.on("data", messages(true, answers(record, connection)))
        near.pipe(there).pipe(near)
        near.on("close", () => {
          record.connections.delete(connection)
          there.destroy()
        })
        there.on("close", () => near.destroy())
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      url.hostname = "127.0.0.1"
      url.port = String((server.address() as { port: number }).port)
      const close = () => {
        sockets.forEach((socket) => socket.destroy())
        server.close()
      }
      const { statements, notices, connections } = record
      const isIdle = () =>
        [...connections].every(({ awaited, inTransaction }) => awaited === 0 && !inTransaction)
      return { url: url.href, statements, notices, commits: () => record.commits, isIdle, close }
    }),
    ({ close }) => Effect.sync(close),
  )

/**
 * Cuts a stream into messages: a type of one byte, which a client's very first message lacks, a
 * length, and the rest.
 */
const messages = (typed: boolean, message: (type: string, body: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (true) {
      const at = typed ? 1 : 0
      if (rest.length < at + 4) return
      const end = at + rest.readInt32BE(at)
      if (rest.length < end) return
      if (typed) message(String.fromCharCode(rest[0]!), rest.subarray(at + 4, end))
      typed = true
      rest = rest.subarray(end)
    }
  }
}

const texts = (body: Buffer) => body.toString().split("\0")

/**
 * A client's messages: a statement is prepared once (P), bound to its parameters (B) and executed
 * (E), or sent at once (Q). To Q, and to a sync (S) after some of the others, the server answers
 * when it is done with all.
 */
const requests = ({ statements }: Record, connection: Connection) => {
  const prepared = new Map<string, string>()
  let bound = ""
  return (type: string, body: Buffer) => {
    const [first = "", second = ""] = texts(body)
    if (type === "P") prepared.set(first, second)
    if (type === "B") bound = second
    if (type === "E") statements.push(prepared.get(bound) ?? bound)
    if (type === "Q") statements.push(first)
    if (type === "S" || type === "Q") connection.awaited += 1
  }
}

/**
 * The server's answers: when it is done (Z) and in no transaction (I), what it completed (C) is
 * committed.
 */
const answers = (record: Record, connection: Connection) => {
  let completed = ""
  return (type: string, body: Buffer) => {
    if (type === "N") {
      record.notices.push(texts(body).find((field) => field.startsWith("M"))?.slice(1) ?? "")
    }
    if (type === "C") completed = texts(body)[0]!
    if (type !== "Z") return
    connection.awaited -= 1
    connection.inTransaction = body.toString() !== "I"
    if (connection.inTransaction) return
    if (completed !== "" && completed !== "ROLLBACK") record.commits += 1
    completed = ""
  }
}
