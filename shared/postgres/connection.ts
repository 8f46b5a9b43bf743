/**
 * One connection to PostgreSQL, for one user at a time: a client of the driver that connects once and never again. When a
 * connection breaks in a transaction, the driver's own pool ends the process (it writes to the socket that is gone) or sends
 * what is left of the transaction over the next connection. Here a broken connection is thrown away with all its state.
 */
import { Cause, Deferred, Effect, Exit } from "effect"
import type { Socket } from "node:net"
import postgres from "postgres"
import type { DatabaseAddress } from "./address.ts"
import { firstStatement, type Session, sessionStatement, whyNotWritable } from "./session.ts"
import { NotOpened } from "./sqlstates.ts"
import { socketTo } from "./tls.ts"

/** The driver's own tag. A statement that it makes is sent when somebody waits for it. */
export type Driver = postgres.ISql<{ bigint: number }>
export type Statement = PromiseLike<postgres.RowList<ReadonlyArray<postgres.Row>>>
export type Rows = Awaited<Statement>

export interface Connection {
  readonly driver: Driver
  /**
   * Waits until it is open. Dies of NotOpened when there is no way to the server or it refuses; what is sent before tells the
   * same worse, as a connection that broke.
   */
  readonly opened: Effect.Effect<void>
  /**
   * Sends a statement at once, behind those that were sent before, and tells what it came to: the server's error is a defect,
   * and so is, as soon as the connection is gone, that it is.
   */
  readonly send: (statement: Statement, ended: (exit: Exit.Exit<Rows>) => void) => void
  /** Succeeds when it is broken. */
  readonly gone: Effect.Effect<void>
  readonly isBroken: () => boolean
  /** Whether everything that was sent has been answered. */
  readonly isQuiet: () => boolean
  /** Cuts the connection; the server undoes what was not committed. */
  readonly close: () => void
}

/** Sends a statement when it is run; dies as `send` tells. */
export const ask = (connection: Connection, make: () => Statement): Effect.Effect<Rows> =>
  Effect.callback((resume) => connection.send(make(), resume))

/** Sees whether it can still be written to; dies as `send` tells, or of an error with the code 25006. */
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

/** Connects, within the time that the address allows, to a server that can be written to, and makes the session's settings. */
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
    // The driver asks again when it wants to connect again.
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

const driverOptions = (service: string, address: DatabaseAddress) => ({
  user: address.user,
  password: address.password,
  database: address.database,
  ssl: false,
  max: 1,
  max_lifetime: null,
  // It would begin only with a socket that is connected.
  connect_timeout: 0,
  onnotice: () => {},
  types: {
    // Balances are below 2^53 by a CHECK, so a number holds them exactly.
    bigint: { to: 20, from: [20], parse: Number, serialize: String },
    array: { to: 1009, from: arrays, parse: noArray, serialize: arrayLiteral },
  },
  // The driver would ask for the types of arrays first, and a connection that breaks then ends the process.
  fetch_types: false,
  connection: {
    application_name: address.settings.get("application_name") ?? `unwind-${service}`,
    ...(address.startupOptions && { options: address.startupOptions }),
  },
})
