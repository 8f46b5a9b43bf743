/**
 * One connection to PostgreSQL, for one user at a time: a client of the driver that connects once and never again. When a
 * connection breaks in a transaction, the driver's own pool ends the process (it writes to the socket that is gone) or sends
 * what is left of the transaction over the next connection. Here a broken connection is thrown away with all its state.
 */
import { Effect, Exit } from "effect"
import { connect, type Socket } from "node:net"
import postgres from "postgres"

/** The driver's own tag. A statement that it makes is sent when somebody waits for it. */
export type Driver = postgres.ISql<{ bigint: number }>
export type Statement = PromiseLike<postgres.RowList<ReadonlyArray<postgres.Row>>>
export type Rows = Awaited<Statement>

export interface Connection {
  readonly driver: Driver
  /**
   * Waits until it is open. Dies, with a code, when there is no way to the server; what is sent before tells the same worse, as
   * a connection that broke.
   */
  readonly opened: Effect.Effect<void>
  /**
   * Sends a statement at once, behind those that were sent before, and tells what it came to: the server's error is a defect,
   * and so is, as soon as the connection is gone, that it is.
   */
  readonly send: (statement: Statement, ended: (exit: Exit.Exit<Rows>) => void) => void
  readonly isBroken: () => boolean
  /** Whether everything that was sent has been answered. */
  readonly isQuiet: () => boolean
  /** Cuts the connection; the server undoes what was not committed. */
  readonly close: () => void
}

/** Sends a statement when it is run; dies as `send` tells. */
export const ask = (connection: Connection, make: () => Statement): Effect.Effect<Rows> =>
  Effect.callback((resume) => connection.send(make(), resume))

/** Connects, within five seconds. */
export const openConnection = (service: string, url: URL): Connection => {
  let gone: Error | undefined
  const unanswered = new Set<(exit: Exit.Exit<Rows>) => void>()
  const breaks = (): Error => {
    const error = gone = Object.assign(new Error("The connection broke"), {
      code: "CONNECTION_CLOSED",
    })
    for (const end of unanswered) end(Exit.die(error))
    return error
  }
  let socket: Socket | undefined
  const options = {
    ...connectionOptions(service),
    max: 1,
    max_lifetime: null,
    onclose: breaks,
    // The driver asks again when it wants to connect again.
    socket: () => socket === undefined ? socket = connectTo(url) : Promise.reject(breaks()),
  }
  const driver = postgres(url.href, options)
  const send: Connection["send"] = (statement, ended) => {
    if (gone !== undefined) return ended(Exit.die(gone))
    const end = (exit: Exit.Exit<Rows>) => {
      if (unanswered.delete(end)) ended(exit)
    }
    unanswered.add(end)
    statement.then((rows) => end(Exit.succeed(rows)), (error) => end(Exit.die(error)))
  }
  let isOpen = false
  const open = Effect.callback<void>((resume) =>
    send(driver`select`, (exit) => {
      isOpen = Exit.isSuccess(exit)
      resume(Exit.asVoid(exit))
    })
  )
  return {
    driver,
    opened: Effect.suspend(() => isOpen ? Effect.void : open),
    send,
    isBroken: () => socket?.destroyed === true,
    isQuiet: () => unanswered.size === 0,
    close: () => socket?.destroy(),
  }
}

// With the host's name on it, as the driver's own sockets have it: TLS checks the server's certificate by it.
const connectTo = ({ hostname, port }: URL): Socket => {
  const host = hostname.replace(/^\[(.*)\]$/, "$1")
  return Object.assign(connect(Number(port || 5432), host), { host })
}

/** PostgreSQL's fixed numbers of text[], int[], bigint[], timestamptz[] and uuid[]. */
const arrays = [1009, 1007, 1016, 1185, 2951]

/** Of texts (times too are sent as texts) and numbers: of others the driver takes the array for its first element. */
const arrayLiteral = (values: ReadonlyArray<string | number | null>): string => {
  const literals = values.map((value) => {
    if (typeof value !== "string") return value ?? "null"
    return `"${special.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`
  })
  return `{${literals.join(",")}}`
}
const special = /["\\]/

const noArray = (): never => {
  throw new Error("Arrays are only sent, not read: select rows instead")
}

/** What every connection of a service is set to; a setting in the URL's query comes before these. */
export const connectionOptions = (service: string) => ({
  connect_timeout: 5,
  onnotice: () => {},
  types: {
    // Balances are below 2^53 by a CHECK, so a number holds them exactly.
    bigint: { to: 20, from: [20], parse: Number, serialize: String },
    array: { to: 1009, from: arrays, parse: noArray, serialize: arrayLiteral },
  },
  // The driver would ask for the types of arrays first, and a connection that breaks then ends the process.
  fetch_types: false,
  connection: {
    application_name: `unwind-${service}`,
    statement_timeout: 10_000,
    lock_timeout: 8_000,
    idle_in_transaction_session_timeout: 15_000,
    // A plan made while a table was tiny lives as long as the connection. Then to read all of it, by whatever way, looks as
    // cheap as to look up what is asked for; so those ways are left only where there is no other.
    enable_seqscan: "off",
    enable_bitmapscan: "off",
    enable_hashjoin: "off",
    enable_mergejoin: "off",
  },
})
