/**
 * The port to Redis: raw commands, sent in one round trip. The two transports (ioredis, and Upstash
 * over HTTP) differ only in whether a read can block on the server.
 */
import { Effect, Schedule, Schema } from "effect"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { oneLine } from "./entry.ts"
import { QueueUnavailable } from "./order-queue.ts"

/** A command as Redis documents it, with its name in lower case, as ioredis needs it. */
export type RedisCommand = readonly [name: string, ...parameters: ReadonlyArray<string>]

/**
 * Redis answered a command with an error; the message is Redis's own and starts with a code such as
 * NOGROUP.
 */
export class CommandRefused extends Schema.TaggedError<CommandRefused>()("CommandRefused", {
  message: Schema.String,
}) {}

export interface StreamTransport {
  /**
   * Sends the commands in one round trip. All are executed, in order, even after one was refused.
   * Replies have the shapes of RESP2. Fails with the first CommandRefused, or with QueueUnavailable
   * within 2 seconds.
   */
  readonly send: (
    commands: ReadonlyArray<RedisCommand>,
  ) => Effect.Effect<ReadonlyArray<unknown>, CommandRefused | QueueUnavailable>
  /**
   * Sends a command that may block, on its own connection; undefined if the transport cannot block.
   */
  readonly sendBlocking:
    | ((command: RedisCommand) => Effect.Effect<unknown, CommandRefused | QueueUnavailable>)
    | undefined
}

type Sending<A> = Effect.Effect<A, CommandRefused | QueueUnavailable>

/**
 * Retries a command for a second if the server refused it because it no longer is the right one:
 * the transport reconnects each time, and nothing has happened yet. After `withinMs` in all it
 * fails with the refusal, or else with `late`.
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

/** The reason of a failure, in one line. */
export const reasonOf = (error: unknown): string => {
  // A failed fetch is a TypeError whose cause is the system's error.
  const reason = error instanceof TypeError ? error.cause ?? error : error
  if (!(reason instanceof Error)) return oneLine(String(reason))
  return oneLine(reason.message || ("code" in reason ? String(reason.code) : reason.name))
}

/** The failure of a queue that does not answer; names the server, but no secrets in its URL. */
export const unreachable = (url: URL, reason: string): QueueUnavailable =>
  new QueueUnavailable({
    message: `The order queue at ${url.protocol}//${url.host} cannot be reached (${reason}): ` +
      "check that it is up and that QUEUE_URL is right",
  })
