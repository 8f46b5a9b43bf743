/**
 * One connection to PostgreSQL, for one user at a time: a client of the driver that never
 * reconnects. When a connection breaks in a transaction, the driver's own pool ends the process (it
 * writes to a closed socket) or sends the rest of the transaction over the next connection. Here a
 * broken connection is discarded with all its state.
 */
import { Cause, Deferred, Effect, Exit } from "effect"
import type { Socket } from "node:net"
import postgres from "postgres"
import type { DatabaseAddress } from "./address.ts"
import { firstStatement, type Session, sessionStatement, whyNotWritable } from "./session.ts"
import { NotOpened } from "./sqlstates.ts"
import { socketTo } from "./tls.ts"

/** The driver's own tag. It sends a statement when it is awaited. */
export type Driver = postgres.ISql<{ bigint: number }>
export type Statement = PromiseLike<postgres.RowList<ReadonlyArray<postgres.Row>>>
export type Rows = Awaited<Statement>

export interface Connection {
  readonly driver: Driver
  /**
   * Waits until it is open. Dies of NotOpened if the server cannot be reached or refuses. A
   * statement sent before fails less clearly, as on a broken connection.
   */
  readonly opened: Effect.Effect<void>
  /**
   * Sends a statement at once, after those sent before, and reports its result. An error of the
   * server, or the loss of the connection, is a defect.
   */
  readonly send: (statement: Statement, ended: (exit: Exit.Exit<Rows>) => void) => void
  /** Succeeds when the connection breaks. */
  readonly gone: Effect.Effect<void>
  readonly isBroken: () => boolean
  /** Whether everything that was sent has been answered. */
  readonly isQuiet: () => boolean
  /** Cuts the connection; the server rolls back what was not committed. */
  readonly close: () => void
}

/** Sends a statement when it runs; dies as `send` reports. */
export const ask = (connection: Connection, make: () => Statement): Effect.Effect<Rows> =>
  Effect.callback((resume) => connection.send(make(), resume))

/**
 * Checks that the session is still writable; dies as `send` reports, or of an error with the code
 * 25006.
 */
export const assertWritable = (connection: Connection): Effect.Effect<void> =>
  Effect.flatMap(ask(connection, () => connection.driver.unsafe(sessionStatement)), ([row]) => {
    const why = whyNotWritable(row as Session)
    return why === undefined ? Effect.void : Effect.die(why)
  })

export interface ConnectionOptions {
  readonly service: string
  readonly address: DatabaseAddress
  /** Called for each notification that comes on this connection. */
  readonly notified?: (channel: string, payload: string) => void
}

/**
 * Connects to a writable server, within the address's timeout, and makes the session's settings.
 */
export const openConnection = ({ service, address, notified }: ConnectionOptions): Connection => {
  let gone: Error | undefined
  let isOpen = false
  let socket: Socket | undefined
  const brokenOff = Deferred.makeUnsafe<void>()
  const unanswered = new Set<(exit: Exit.Exit<Rows>) => void>()
  const breaks = (code: string): Error => {
    clearTimeout(timer)
    gone ??= Object.assign(new Error("The connection broke"), { code })
    for (const end of unanswered) end(Exit.die(gone))
    Deferred.doneUnsafe(brokenOff, Exit.void)
    socket?.destroy()
    return gone
  }
  const timer = setTimeout(() => breaks("CONNECT_TIMEOUT"), address.connectTimeoutMs)
  const connectOnce = () => {
    // A second call means that the driver wants to reconnect.
    if (socket !== undefined) return Promise.reject(breaks("CONNECTION_CLOSED"))
    const { below, above } = socketTo(address)
    socket = below
    return above
  }
  const driver = postgres({
    ...driverOptions(service, address),
    onclose: () => breaks("CONNECTION_CLOSED"),
    onnotify: notified,
    socket: connectOnce,
  } as postgres.Options<{ bigint: postgres.PostgresType<number> }>) as Driver
  const send: Connection["send"] = (statement, ended) => {
    if (gone !== undefined) return ended(Exit.die(gone))
    const end = (exit: Exit.Exit<Rows>) => {
      if (unanswered.delete(end)) ended(exit)
    }
    unanswered.add(end)
    statement.then((rows) => end(Exit.succeed(rows)), (error) => end(Exit.die(error)))
  }
  const open = Effect.callback<void>((resume) =>
    send(driver.unsafe(firstStatement(address.settings)), (exit) => {
      clearTimeout(timer)
      const why = Exit.match(exit, {
        onSuccess: ([row]) => whyNotWritable(row as Session),
        onFailure: Cause.squash,
      })
      isOpen = why === undefined
      if (!isOpen) breaks("CONNECTION_CLOSED")
      resume(isOpen ? Exit.void : Exit.die(new NotOpened(why)))
    })
  )
  return {
    driver,
    opened: Effect.suspend(() => isOpen ? Effect.void : open),
    send,
    gone: Deferred.await(brokenOff),
    isBroken: () => gone !== undefined || socket?.destroyed === true,
    isQuiet: () => unanswered.size === 0,
    close: () => socket?.destroy(),
  }
}

/** PostgreSQL's fixed OIDs of text[], int[], bigint[], timestamptz[] and uuid[]. */
const arrays = [1009, 1007, 1016, 1185, 2951]

/**
 * Only for texts (times are sent as texts, too) and numbers: for others, the driver takes the type
 * of an array from its first element.
 */
const arrayLiteral = (values: ReadonlyArray<string | number | null>): string => {
  const literals = values.map((value) => {
    if (typeof value !== "string") return value ?? "null"
    return `"${special.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`
  })
  return `{${literals.join(",")}}`
}
const special = /["\\]/

const noArray = (): never => {
  throw new Error("Arrays can be sent but not read: select rows instead")
}

const driverOptions = (service: string, address: DatabaseAddress) => ({
  user: address.user,
  password: address.password,
  database: address.database,
  ssl: false,
  max: 1,
  max_lifetime: null,
  // The driver's own timeout would start only with a connected socket.
  connect_timeout: 0,
  onnotice: () => {},
  types: {
    // Balances are below 2^53 by a CHECK, so a number holds them exactly.
    bigint: { to: 20, from: [20], parse: Number, serialize: String },
    array: { to: 1009, from: arrays, parse: noArray, serialize: arrayLiteral },
  },
  // The driver would first query the types of arrays, and a connection that breaks then ends the
  // process.
  fetch_types: false,
  connection: {
    application_name: address.settings.get("application_name") ?? `unwind-${service}`,
    ...(address.startupOptions && { options: address.startupOptions }),
  },
})
