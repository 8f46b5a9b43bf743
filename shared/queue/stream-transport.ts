/**
 * What Redis Streams need of a connection, and all that they need: raw commands, sent in one round trip. The two
 * transports (ioredis, and Upstash over HTTP) differ in nothing else but whether a read can wait on the server.
 */
import { type Effect, Schema } from "effect"
import { oneLine } from "./entry.ts"
import { QueueUnavailable } from "./order-queue.ts"

/** A command as Redis documents it, its name in lower case (ioredis knows its commands by that name only). */
export type Command = readonly [name: string, ...parameters: ReadonlyArray<string>]

/** Redis answered a command with an error; the message is its own, so that it starts with a code such as NOGROUP. */
export class CommandRefused extends Schema.TaggedError<CommandRefused>()("CommandRefused", {
  message: Schema.String,
}) {}

export interface StreamTransport {
  /**
   * Sends the commands in one round trip; they are done in order, and all of them, even after one was refused. Replies
   * have the shapes of RESP2. Fails with CommandRefused, the first there was, or with QueueUnavailable within 2 seconds.
   */
  readonly send: (
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<ReadonlyArray<unknown>, CommandRefused | QueueUnavailable>
  /** Sends a command that may block, on a connection of its own; undefined where nothing can block. */
  readonly sendBlocking:
    | ((command: Command) => Effect.Effect<unknown, CommandRefused | QueueUnavailable>)
    | undefined
}

/** Why something failed, in one line. */
export const reasonOf = (error: unknown): string => {
  // A fetch that fails is a TypeError, and what the system said is its cause.
  const reason = error instanceof TypeError ? error.cause ?? error : error
  if (!(reason instanceof Error)) return oneLine(String(reason))
  return oneLine(reason.message || ("code" in reason ? String(reason.code) : reason.name))
}

/** The failure of a queue that does not answer; names the server, and none of the secrets that a URL may hold. */
export const unreachable = (url: URL, reason: string): QueueUnavailable =>
  new QueueUnavailable({
    message: `The order queue at ${url.protocol}//${url.host} cannot be reached (${reason}): ` +
      "check that it is up and that QUEUE_URL is right",
  })
