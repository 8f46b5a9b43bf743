/**
 * Server-sent events for a limited number of clients: an open stream costs resources as long as
 * somebody listens. A user gets at most a part of the streams that are free.
 */
import { Effect, Metric, type Scope, Stream } from "effect"
import { fairShare } from "#shared/fair-share.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { Problem } from "./problem.ts"

export interface EventStreamsOptions {
  /** The most streams open at a time, and the part of the free ones that one user may have. */
  readonly most: number
  readonly part: number
  /** How many are open. */
  readonly open: Metric.Gauge<number>
  /** What the client can do instead: a sentence for each of the two problems. */
  readonly remedies: { readonly full: string; readonly overShare: string }
}

/**
 * The text of one event. `quiet` is a comment without an event: it keeps proxies from closing the
 * stream, and detects a client that is gone.
 */
export const eventText = (type: string, data: unknown, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
export const quiet = ": nothing new\n\n"

/**
 * Makes the function that answers with a user's stream; each text is one or more events. Fails with
 * a 429 Problem while the user has too many open, and with a 503 Problem while `most` are open. The
 * stream ends when `closing` succeeds or the texts end, and fails when they fail; the client
 * reconnects by itself.
 */
export const eventStreams = ({ most, part, open, remedies }: EventStreamsOptions) =>
  Effect.map(fromTheStart([open]), () => {
    const share = fairShare({ most, part })
    const counted = Effect.suspend(() => Metric.update(open, share.size()))
    const refused = {
      room: Effect.void,
      "over share": Effect.fail(tooMany(429, remedies.overShare)),
      full: Effect.fail(tooMany(503, remedies.full)),
    }
    const taken = (username: string) =>
      Effect.acquireRelease(
        Effect.andThen(Effect.suspend(() => refused[share.take(username)]), counted),
        () => Effect.andThen(Effect.sync(() => share.giveBack(username)), counted),
      )
    return Effect.fnUntraced(function* <E>(
      username: string,
      texts: Effect.Effect<Stream.Stream<string, E>, never, Scope.Scope>,
      closing: Effect.Effect<void>,
    ) {
      yield* refused[share.roomFor(username)]
      const events = Stream.unwrap(
        Effect.andThen(
          taken(username),
          Effect.map(texts, (texts) => Stream.interruptWhen(texts, closing)),
        ),
      )
      // Starts with the first read, so that an answer that nobody reads (to HEAD) leaves nothing
      // open.
      const body = Stream.toReadableStreamWith(
        Stream.encodeText(events),
        yield* Effect.context<never>(),
        { strategy: { highWaterMark: 0 } },
      )
      return new Response(body, {
        headers: {
          "content-type": "text/event-stream",
          // Keeps nginx from buffering the stream.
          "x-accel-buffering": "no",
        },
      })
    })
  })

const tooMany = (status: 429 | 503, detail: string) =>
  new Problem({ status, code: "too_many_streams", detail, headers: { "retry-after": "5" } })
