/**
 * Redis Streams over Upstash's REST API, for https:// and http:// URLs. Reads cannot block on the
 * server, so entries are polled for. Commands go unchanged, a batch in one request, and each fails
 * within 2 seconds.
 */
import { Redis, type UpstashResponse } from "@upstash/redis"
import { Effect, Redacted } from "effect"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import type { StreamOptions } from "./stream-commands.ts"
import {
  CommandRefused,
  onAnother,
  reasonOf,
  type RedisCommand,
  type StreamTransport,
  unreachable,
} from "./stream-transport.ts"
import { makeStreamQueue } from "./streams.ts"

const answerWithinMs = 2000

/** The client with access to its pipeline: raw commands, and replies without guessed types. */
class RawCommands extends Redis {
  #givesUp = false

  async send(
    commands: ReadonlyArray<RedisCommand>,
  ): Promise<ReadonlyArray<UpstashResponse<unknown>>> {
    const answer: unknown = await this.client.request({
      path: ["pipeline"],
      body: commands,
      // fetch keeps connections open, and only a request can end one: no connection is reused until
      // the right server answers.
      ...(this.#givesUp && { headers: { connection: "close" } }),
    })
    if (!Array.isArray(answer) || answer.length !== commands.length) {
      throw new Error("the answer is not in Upstash's format")
    }
    this.#givesUp = answer.some(({ error }) =>
      error !== undefined && isWrongServer({ message: String(error) })
    )
    return answer
  }
}

const makeTransport = (url: URL, token: Redacted.Redacted): StreamTransport => {
  const client = new RawCommands({
    url: url.href,
    token: Redacted.value(token),
    enableAutoPipelining: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(answerWithinMs),
  })
  return {
    send: (commands) =>
      Effect.tryPromise({
        try: () => client.send(commands),
        // The client's messages contain the whole command, which may hold a customer's data.
        catch: (error) => unreachable(url, reasonOf(error).replace(/, command was:.*/, "")),
      }).pipe(
        Effect.flatMap((answers) => {
          const refused = answers.find(({ error }) => error !== undefined)
          return refused === undefined
            ? Effect.succeed(answers.map(({ result }) => result))
            : Effect.fail(new CommandRefused({ message: String(refused.error) }))
        }),
        onAnother(answerWithinMs, () => unreachable(url, "no answer")),
      ),
    sendBlocking: undefined,
  }
}

/**
 * The order queue at Upstash, or at a server with its protocol, which need not be reachable yet.
 */
export const upstashOrderQueue = (url: URL, token: Redacted.Redacted, options: StreamOptions) =>
  makeStreamQueue(makeTransport(url, token), options)
