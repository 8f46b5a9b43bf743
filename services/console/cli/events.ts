/**
 * Server-sent events of the console's API. Each event is a full snapshot, so a lost connection
 * misses nothing.
 */
import { Console, Effect, Schedule, Schema, Stream } from "effect"
import { Sse } from "effect/encoding"
import { ApiError, nameOf, refused, requestTo, unanswered } from "./http.ts"
import type { SignedIn } from "./sign-in.ts"

interface Followed<A> {
  readonly baseUrl: string
  readonly path: string
  /** Events of other names are skipped. */
  readonly event: string
  readonly schema: Schema.Codec<A, unknown>
  readonly who: SignedIn
}

/**
 * The data of the events, for ever: reconnects when the connection ends. Fails with ApiError when
 * the first connection fails, or when one is refused.
 */
export const events = <A>(followed: Followed<A>): Stream.Stream<A, ApiError> =>
  Stream.suspend(() => {
    let isKnown = false
    return Stream.unwrap(connection(followed)).pipe(
      Stream.tap(() => Effect.sync(() => isKnown = true)),
      Stream.catch((error) =>
        isKnown && isPassing(error)
          ? Stream.fromEffectDrain(Console.error(`${error.message}: reconnecting ...`))
          : Stream.fail(error)
      ),
      Stream.repeat(Schedule.spaced("1 second")),
    )
  })

const isPassing = ({ status }: ApiError) => status === undefined || status === 429 || status >= 500

const connection = <A>({ baseUrl, path, event, schema, who }: Followed<A>) =>
  Effect.gen(function* () {
    const stop = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (stop) => Effect.sync(() => stop.abort()),
    )
    const open = Effect.gen(function* () {
      const token = who.token()
      const request = { path, token, headers: { accept: "text/event-stream" } }
      const response = yield* Effect.tryPromise({
        try: () => fetch(requestTo(baseUrl, request), { signal: stop.signal }),
        catch: (error) => unanswered(baseUrl, error),
      })
      if (response.status === 200) return response
      const text = yield* Effect.promise(() => response.text().catch(() => ""))
      if (response.status === 401) yield* who.renew(token)
      return yield* refused(nameOf(baseUrl, { path }), response.status, text)
    })
    const response = yield* Effect.retry(open, { while: ({ status }) => status === 401, times: 1 })
    const broken = () => new ApiError({ message: `${baseUrl} closed the connection` })
    return Stream.fromAsyncIterable(messages(response), broken).pipe(
      Stream.filter((message) => message.event === event),
      Stream.mapEffect(({ data }) =>
        Effect.mapError(
          Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(data),
          () => new ApiError({ status: 200, message: `An event of ${path} is not as documented` }),
        )
      ),
    )
  })

async function* messages(response: Response): AsyncGenerator<Sse.Event> {
  const parsed: Array<Sse.AnyEvent> = []
  const parser = Sse.makeParser((event) => void parsed.push(event))
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const error = parser.feed(decoder.decode(chunk, { stream: true }))
    if (error !== undefined) throw error
    for (const event of parsed.splice(0)) if (event._tag === "Event") yield event
  }
}
