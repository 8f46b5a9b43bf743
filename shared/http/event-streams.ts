/**
 * Server-sent events, for as many as there is room for: each open stream costs something as long as somebody listens. Of the
 * room that is left, each user gets a part.
 */
import { Effect, Metric, type Scope, Stream } from "effect"
import { fairShare } from "#shared/fair-share.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { Problem } from "./problem.ts"

export interface EventStreamsOptions {
  /** The most that are open at a time, and the part that one user may have of those that are free. */
  readonly most: number
  readonly part: number
  /** How many are open. */
  readonly open: Metric.Gauge<number>
  /** What can be done instead, when there are too many: a sentence for each of the two problems. */
  readonly remedies: { readonly full: string; readonly overShare: string }
}

/** The text of one event; of none, a comment: it keeps proxies from closing a quiet stream, and tells that the client is gone. */
export const eventText = (type: string, data: unknown, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
export const quiet = ": nothing new\n\n"

/**
 * Makes the function that answers with the stream of a user, of which each text is an event or more. It fails with a 429
 * Problem while the user has as many open as one may, and with a 503 Problem while `most` are open. Where the texts end or fail
 * the stream does, and when `closing` succeeds; the client comes back by itself.
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
      // Begun by the first read, so that an answer that nobody reads, as to HEAD, leaves nothing open.
      const body = Stream.toReadableStreamWith(
        Stream.encodeText(events),
        yield* Effect.context<never>(),
        { strategy: { highWaterMark: 0 } },
      )
      return new Response(body, {
        headers: {
          "content-type": "text/event-stream",
          // nginx holds back what it thinks is a page.
          "x-accel-buffering": "no",
        },
      })
    })
  })

const tooMany = (status: 429 | 503, detail: string) =>
  new Problem({ status, code: "too_many_streams", detail, headers: { "retry-after": "5" } })
