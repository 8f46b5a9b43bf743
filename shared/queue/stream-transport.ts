/**
 * What Redis Streams need of a connection, and all that they need: raw commands, sent in one round trip. The two
 * transports (ioredis, and Upstash over HTTP) differ in nothing else but whether a read can wait on the server.
 */
import { Effect, Schedule, Schema } from "effect"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
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

type Sending<A> = Effect.Effect<A, CommandRefused | QueueUnavailable>

/**
 * Tries again for a second what was refused by a server that is not the one to talk to any more: the transport makes another
 * connection each time, and nothing has happened. What takes longer than `withinMs` in all fails with `late`, or as it was
 * refused.
 */
export const onAnother =
  (withinMs: number, late: () => QueueUnavailable) => <A>(effect: Sending<A>): Sending<A> =>
    Effect.suspend(() => {
      let refusal: CommandRefused | undefined
      return effect.pipe(
        Effect.tapErrorTag("CommandRefused", (error) => Effect.sync(() => refusal = error)),
        Effect.retry({
          while: (error) => error instanceof CommandRefused && isWrongServer(error),
          schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "1 second" })),
        }),
        Effect.timeoutOrElse({
          duration: withinMs,
          orElse: (): Sending<never> => Effect.fail(refusal ?? late()),
        }),
      )
    })

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
